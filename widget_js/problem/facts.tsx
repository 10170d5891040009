/** What it is about, where, since when; by when an answer is due, and whether that was kept. */

import type { ComponentChildren } from "preact";
import type { Detail } from "../shared/contract.ts";
import { link } from "../shared/links.ts";
import type { Language } from "../shared/i18n.ts";
import { useSite, type Shown } from "../shared/site.ts";

/** The promise in a sentence; nothing where there is none any more. */
function promise(problem: Detail, closed: boolean, { t, date }: Language): string {
  const { kept, answered_at: at, answer_due: due } = problem;
  if (!due) return "";
  if (kept === true) return t("kept", { date: date(at || due) });
  if (kept === false) {
    if (!at || problem.overdue) return t("overdue_since", { due: date(due) });
    // Sent back to work, it had several answers, and each its own day.
    return problem.timeline.some(({ status }) => status === "reopened")
      ? t("late_round")
      : t("late", { date: date(at), due: date(due) });
  }
  return closed ? "" : t("due_by", { date: date(due) });
}

/** `map` stands below the place. */
export function Facts({ problem, closed, map }: { problem: Detail & Shown; closed: boolean; map: ComponentChildren }) {
  const { config, entries, language } = useSite();
  const { t, date } = language;
  const category = config.categories.find(({ code }) => code === problem.category);
  const rows: [title: string, text: ComponentChildren, lang?: string][] = [
    ...(entries ? entries.answers(problem) : []).map(([question, answer]): [string, string, string] => [
      question,
      answer,
      config.language
    ]),
    [t("fact_category"), category && category.name],
    [
      t("fact_place"),
      (problem.address || map) && (
        <>
          <span lang={config.language}>{problem.address}</span>
          {map}
        </>
      )
    ],
    [t("fact_received"), date(problem.created_at)],
    [t("fact_author"), problem.author],
    [t("fact_responsible"), problem.responsible, config.language],
    [t("fact_due"), promise(problem, closed, language)],
    // A platform's own problem lives there; here it is shown.
    [t("fact_source"), problem.source_name && <a href={link(problem.source_url)}>{problem.source_name}</a>]
  ];
  return (
    <dl class="facts brief">
      {rows.map(
        ([title, text, lang], index) =>
          text && (
            <div key={index}>
              <dt>{title}</dt>
              <dd lang={lang}>{text}</dd>
            </div>
          )
      )}
    </dl>
  );
}
