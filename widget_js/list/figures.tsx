/** Figures of the city over the list: a visitor sees that reports are answered. */

import { useEffect, useState } from "preact/hooks";
import type { Stats } from "../contract.ts";
import { T } from "../i18n.ts";
import { Failed } from "./failed.tsx";
import { useLater, warm } from "../parts/later.ts";
import { useSite } from "../parts/site.ts";
import { refresh } from "./follow.ts";

/** `version` changes when the list has: the figures are asked for anew. */
export function Figures({ version }: { version: number }) {
  const { api, language: { t, count, number, locale } } = useSite();
  const [stats, setStats] = useState<Stats | null | undefined>(undefined);
  const [more, setMore] = useState(false);
  const charts = useLater("figures");
  useEffect(() => {
    let wanted = true;
    // Before the first answer of the list there is a browser's copy at most, and it is asked whether it still holds.
    refresh<Stats>(api, "/stats?lang=" + locale.slice(0, 2)).then(found => wanted && setStats(found), () => wanted && setStats(before => before || null));
    return () => { wanted = false; };
  }, [version, locale]);
  // Figures are an extra: where they do not come, the list begins at once.
  if (stats === null || (stats && !stats.total)) return null;
  const cell = (name: string, value: string | number | null | undefined) =>
    <div><dt>{name}</dt><dd>{value == null ? "–" : typeof value === "number" ? number(value) : value}</dd></div>;
  const { open, resolved, overdue, median_days: days, share_resolved: share } = stats || {} as Partial<Stats>;
  const toggle = () => {
    void charts.load();
    setMore(!more);
  };
  return <section class="city-figures" aria-label={t(T.figures)}>
    <dl aria-busy={stats ? undefined : "true"}>
      {cell(t(T.figures_open), open)}
      {cell(t(T.figures_resolved), resolved)}
      {cell(t(T.figures_overdue), overdue)}
      {cell(t(T.figures_days), days == null ? null : "≈ " + count(T.days, Math.round(days)))}
      {cell(t(T.figures_share), share == null ? null : t(T.percent, { n: Math.round(share * 100) }))}
    </dl>
    <button class="link" type="button" aria-expanded={more} onClick={toggle} {...warm("figures", locale)}>{t(more ? T.figures_less : T.figures_more)}</button>
    {more && stats && (charts.chunk ? <charts.chunk.Charts stats={stats} /> : charts.failed && <Failed text={t(T.part_failed)} retry={charts.load} />)}
  </section>;
}
