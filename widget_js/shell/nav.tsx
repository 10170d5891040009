/** Between the city and the form, which an extended widget brings when somebody wants to report. */

import type { Language } from "../shared/i18n.ts";
import { preloadOn } from "../shared/lazy.ts";
import type { Site } from "../shared/site.ts";
import { Icon } from "../shared/ui/icon.tsx";

/** The one thing to do next from the city, and the way back from the form. */
export function Nav({
  form,
  turn,
  language: { t },
  site
}: {
  form: boolean;
  turn: () => void;
  language: Language;
  site: Pick<Site, "options">;
}) {
  return (
    <nav class="turn">
      {form ? (
        <button class="link back" key="back" type="button" onClick={turn}>
          <Icon name="back" />
          {t("list_title")}
        </button>
      ) : (
        <button class="button" key="report" type="button" onClick={turn} {...preloadOn(site, "report")}>
          <Icon path="M4 20l1-5L16 4l4 4L9 19zM13 7l4 4" />
          {t("title")}
        </button>
      )}
    </nav>
  );
}
