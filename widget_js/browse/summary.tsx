/** Figures of the city over the list, or alone: a visitor sees that reports are answered. */

import { useLayoutEffect, useState } from "preact/hooks";
import type { Stats } from "../shared/contract.ts";
import { Failed } from "../shared/ui/failure.tsx";
import { preloadOn, useLazy } from "../shared/lazy.ts";
import { useSite } from "../shared/site.ts";
import { refresh } from "../shared/polling.ts";

/** `version` changes when the list has: the figures are asked for anew. `alone` they come with their charts. */
export function Figures({ version, alone = false }: { version: number; alone?: boolean }) {
  const site = useSite();
  const {
    api,
    language: { t, count, number, lang }
  } = site;
  const [stats, setStats] = useState<Stats | null | undefined>(undefined);
  const [more, setMore] = useState(alone);
  const [tries, setTries] = useState(0);
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
  }, [version, lang, tries]);
  useLayoutEffect(() => {
    if (alone) void charts.load();
  }, []);
  // Over the list figures are an extra: where they do not come, the list begins at once.
  if (stats === null) return alone ? <Failed text={t("part_failed")} retry={() => setTries(tries + 1)} /> : null;
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
