/** What is chosen, and how to be rid of it. */

import { T } from "../i18n.ts";
import { useSite } from "../parts/site.ts";
import { today, type Filters } from "../list/filters.ts";
import { summary } from "./summary.ts";

export function Chosen({ filters, here, reset }: { filters: Filters; here: string; reset: () => void }) {
  const { config, language } = useSite();
  const { t } = language;
  const chosen = summary(filters, language, config.categories, today(config.time_zone), here);
  return chosen.length ? <p class="chosen"><span>{t(T.chosen, { what: chosen.join(" · ") })}</span>
    <button type="button" class="link" onClick={reset}>{t(T.reset)}</button></p> : null;
}
