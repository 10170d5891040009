/** What is chosen, in words: the one line that stays when the filters are folded. */

import type { Category, District, Status } from "../../shared/contract.ts";
import type { Language } from "../../shared/i18n.ts";
import { period, type Filters } from "../../shared/filters.ts";
import { statusLabel } from "../../shared/statusStyle.ts";

const list = (text?: string) => (text ? text.split(",") : []);

export function summary(
  filters: Filters,
  language: Language,
  categories: Category[],
  districts: District[] = [],
  today: string,
  here: string
): string[] {
  const { t, date } = language;
  const { q, status, overdue, category, district, since, until, bbox } = filters;
  const groups: Record<string, string> = {
    new: t("accepted"),
    working: t("in_progress"),
    done: t("resolved"),
    closed: t("closed")
  };
  const periods: Record<string, string> = { week: t("period_week"), month: t("period_month"), year: t("period_year") };
  const days = [since && t("chosen_since", { date: date(since) }), until && t("chosen_until", { date: date(until) })]
    .filter(Boolean)
    .join(" ");
  return [
    q && t("chosen_text", { q }),
    ...list(status).map(one => groups[one] || statusLabel(one as Status, language)),
    overdue && t("overdue_only"),
    ...list(category).map(code => (categories.find(one => one.code === code) || { name: code }).name),
    district && (districts.find(one => one.id === district) || { name: t("district") }).name,
    periods[period(filters, today)] || days,
    bbox && t(bbox === here ? "near" : "on_map")
  ].filter((one): one is string => !!one);
}
