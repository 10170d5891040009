/** Figures of the city over the list, or alone: a visitor sees that reports are answered. */

import { useState } from "preact/hooks";
import type { Stats } from "../shared/contract.ts";
import { Failed } from "../shared/ui/failure.tsx";
import { useLazy } from "../shared/lazy.ts";
import { preloadOn } from "../shared/preload.ts";
import { useSite } from "../shared/site.ts";
import { useResource } from "../shared/resource.ts";

/** `version` changes when the list has: the figures are asked for anew. `alone` they come with their charts. */
export function Figures({ version, alone = false }: { version: number; alone?: boolean }) {
  const site = useSite();
  const {
    language: { t, count, number, lang }
  } = site;
  const [more, setMore] = useState(alone);
  const charts = useLazy<typeof import("./figures/entry.ts")>("figures", alone);
  const { data: stats, error, retry } = useResource<Stats>("/stats?lang=" + lang, { version });
  // Over the list figures are an extra: where they do not come, the list begins at once.
  if (error && !stats) return alone ? <Failed text={t("part_failed")} retry={retry} /> : null;
  if (stats && !stats.total && !stats.outcomes?.received) return alone ? <p>{t("list_empty")}</p> : null;
  const cell = (name: string, value: string | number | null | undefined) => (
    <div>
      <dt>{name}</dt>
      <dd>{value == null ? "–" : typeof value === "number" ? number(value) : value}</dd>
    </div>
  );
  const { open, resolved, overdue, median_days: days, share_resolved: share } = stats || ({} as Partial<Stats>);
  const toggle = () => {
    void charts.load();
    setMore(!more);
  };
  return (
    <section class="city-figures" aria-label={alone ? undefined : t("figures")}>
      <dl aria-busy={stats ? undefined : "true"}>
        {cell(t("figures_open"), open)}
        {cell(
          t("figures_resolved"),
          share == null ? resolved : `${number(resolved!)} (${t("percent", { n: Math.round(share * 100) })})`
        )}
        {cell(t("figures_overdue"), overdue)}
        {cell(t("figures_days"), days == null ? null : count("days", Math.round(days)))}
      </dl>
      {!alone && (
        <button class="link" type="button" aria-expanded={more} onClick={toggle} {...preloadOn(site, "figures")}>
          {t(more ? "figures_less" : "figures_more")}
        </button>
      )}
      {more &&
        stats &&
        (charts.chunk ? (
          <charts.chunk.Charts stats={stats} />
        ) : (
          charts.failed && <Failed text={t("part_failed")} retry={charts.load} />
        ))}
    </section>
  );
}
