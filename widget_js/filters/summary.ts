/** What is chosen, in words: the one line that stays when the filters are folded. */

import type { Category, Status } from "../contract.ts";
import { T, type Language } from "../i18n.ts";
import { period, type Filters } from "../list/filters.ts";
import { statusLabel } from "../list/chip.tsx";

const list = (text?: string) => text ? text.split(",") : [];

export function summary(filters: Filters, language: Language, categories: Category[], today: string, here: string): string[] {
  const { t, date } = language;
  const { q, status, overdue, category, since, until, bbox } = filters;
  const groups: Record<string, string> = { new: t(T.accepted), working: t(T.in_progress), done: t(T.resolved), closed: t(T.closed) };
  const periods: Record<string, string> = { week: t(T.period_week), month: t(T.period_month), year: t(T.period_year) };
  const days = [since && t(T.chosen_since, { date: date(since) }), until && t(T.chosen_until, { date: date(until) })].filter(Boolean).join(" ");
  return [
    q && t(T.chosen_text, { q }),
    ...list(status).map(one => groups[one] || statusLabel(one as Status, language)),
    overdue && t(T.overdue_only),
    ...list(category).map(code => (categories.find(one => one.code === code) || { name: code }).name),
    periods[period(filters, today)] || days,
    bbox && t(bbox === here ? T.near : T.on_map),
  ].filter((one): one is string => !!one);
}
