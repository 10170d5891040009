/** What is chosen, and how to be rid of it. */

import { useSite } from "../../shared/site.ts";
import { today, type Filters } from "../../shared/filters.ts";
import { named } from "./answers.ts";
import { summary } from "./summary.ts";

export function Chosen({ filters, here, reset }: { filters: Filters; here: string; reset: () => void }) {
  const { config, entries, language } = useSite();
  const { t } = language;
  const chosen = [
    ...summary(filters, language, config.categories, config.districts, today(config.time_zone), here),
    ...(entries ? named(filters.answers, entries.fields, t("past")) : [])
  ];
  return chosen.length ? (
    <p class="chosen">
      <span>{t("chosen", { what: chosen.join(" · ") })}</span>
      <button type="button" class="link" onClick={reset}>
        {t("reset")}
      </button>
    </p>
  ) : null;
}
