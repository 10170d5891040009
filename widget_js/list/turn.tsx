/** Between the city and the form, which an extended widget brings when somebody wants to report. */

import { useEffect } from "preact/hooks";
import { plainLink } from "../host.ts";
import { T, type Language } from "../i18n.ts";
import { Failed } from "./failed.tsx";
import { Skeleton } from "../parts/skeleton.tsx";
import { Icon } from "../parts/icon.tsx";
import { useLater, warm } from "../parts/later.ts";
import { useSite } from "../parts/site.ts";

export const BACK = "M19 12H5m6-6l-6 6 6 6";

/** The one thing to do next from the city, and the way back from the form. */
export function Turn({ form, turn, language: { t, locale } }: { form: boolean; turn: () => void; language: Language }) {
  return form ? <button class="link back" key="back" type="button" onClick={turn}><Icon path={BACK} />{t(T.list_title)}</button>
    : <button class="button" key="report" type="button" onClick={turn} {...warm("form", locale)}>
      <Icon path="M4 20l1-5L16 4l4 4L9 19zM13 7l4 4" />{t(T.title)}
    </button>;
}

/** The form, or what stands in its place until it is here. */
export function Report({ wanted }: { wanted: boolean }) {
  const { host, language: { t } } = useSite();
  const { chunk, failed, load } = useLater("form");
  useEffect(() => { if (wanted && !chunk) void load(); }, [wanted]);
  return chunk ? <chunk.Form />
    : failed ? <Failed text={t(T.unavailable_server)} retry={load}><a href={plainLink(host)}>{t(T.unavailable_link)}</a></Failed>
    : wanted ? <Skeleton text={t(T.loading)} /> : null;
}
