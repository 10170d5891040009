/** What it is about, where, since when; by when an answer is due, and whether that was kept. */

import type { ComponentChildren } from "preact";
import type { Detail } from "../contract.ts";
import { link } from "../host.ts";
import { T, type Language } from "../i18n.ts";
import { useSite } from "../parts/site.ts";
import { isClosed } from "./timeline.tsx";

/** The promise in a sentence; nothing where there is none any more. */
export function promise(problem: Detail, { t, date }: Language): string {
  const { kept, answered_at: at, answer_due: due } = problem;
  if (!due) return "";
  if (kept === true) return t(T.kept, { date: date(at || due) });
  if (kept === false) {
    if (!at || problem.overdue) return t(T.overdue_since, { due: date(due) });
    // Sent back to work, it had several answers, and each its own day.
    return problem.timeline.some(({ status }) => status === "reopened") ? t(T.late_round) : t(T.late, { date: date(at), due: date(due) });
  }
  return isClosed(problem) ? "" : t(T.due_by, { date: date(due) });
}

export function Facts({ problem }: { problem: Detail }) {
  const { config, language } = useSite();
  const { t, date } = language;
  const category = config.categories.find(({ code }) => code === problem.category);
  const rows: [title: string, text: ComponentChildren, lang?: string][] = [
    [t(T.fact_category), category && category.name],
    [t(T.fact_place), problem.address, config.language],
    [t(T.fact_received), date(problem.created_at)],
    [t(T.fact_responsible), problem.responsible, config.language],
    [t(T.fact_due), promise(problem, language)],
    // A platform's own problem lives there; here it is shown.
    [t(T.fact_source), problem.source_name && <a href={link(problem.source_url)}>{problem.source_name}</a>],
  ];
  return <dl class="facts brief">{rows.map(([title, text, lang]) => text && <div key={title}><dt>{title}</dt><dd lang={lang}>{text}</dd></div>)}</dl>;
}
