/** Figures of the city over the list: a visitor sees that reports are answered. */

import { useLayoutEffect, useState } from "preact/hooks";
import type { Stats } from "../shared/contract.ts";
import { Failed } from "../shared/ui/failure.tsx";
import { preloadOn, useLazy } from "../shared/lazy.ts";
import { useSite } from "../shared/site.ts";
import { refresh } from "../shared/polling.ts";

/** `version` changes when the list has: the figures are asked for anew. */
export function Figures({ version }: { version: number }) {
  const site = useSite();
  const {
    api,
    language: { t, count, number, lang }
  } = site;
  const [stats, setStats] = useState<Stats | null | undefined>(undefined);
  const [more, setMore] = useState(false);
  const charts = useLazy<typeof import("./figures/entry.ts")>("figures");
  useLayoutEffect(() => {
    let wanted = true;
    // Before the first answer of the list there is a browser's copy at most, and it is asked whether it still holds.
    refresh<Stats>(api, "/stats?lang=" + lang).then(
      found => wanted && setStats(found),
      () => wanted && setStats(before => before || null)
    );
    return () => {
      wanted = false;
    };
  }, [version, lang]);
  // Figures are an extra: where they do not come, the list begins at once.
  if (stats === null || (stats && !stats.total)) return null;
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
    <section class="city-figures" aria-label={t("figures")}>
      <dl aria-busy={stats ? undefined : "true"}>
        {cell(t("figures_open"), open)}
        {cell(
          t("figures_resolved"),
          share == null ? resolved : `${number(resolved!)} (${t("percent", { n: Math.round(share * 100) })})`
        )}
        {cell(t("figures_overdue"), overdue)}
        {cell(t("figures_days"), days == null ? null : count("days", Math.round(days)))}
      </dl>
      <button class="link" type="button" aria-expanded={more} onClick={toggle} {...preloadOn(site, "figures")}>
        {t(more ? "figures_less" : "figures_more")}
      </button>
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
