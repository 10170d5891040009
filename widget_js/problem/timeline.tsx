/** What happened, when and by whom; the step that is still to come is the last, hollow one. */

import type { Detail, Entry } from "../shared/contract.ts";
import { statusLabel } from "../shared/statusStyle.ts";
import { useSite } from "../shared/site.ts";

export function Timeline({ problem, closed }: { problem: Detail; closed: boolean }) {
  const {
    config,
    language: { t, date }
  } = useSite();
  const { expected_on: expected } = problem;
  return (
    <ol class="timeline">
      {problem.timeline.map((entry, index) => (
        <Line key={index} entry={entry} answer={problem.answer ? problem.answer.text : ""} />
      ))}
      {!closed && (
        <>
          {problem.status === "planned" && expected && (
            <li>
              <time dateTime={expected}>{t("due_by", { date: date(expected) })}</time>
              <span>{t("work_planned")}</span>
            </li>
          )}
          {problem.answer_due && !problem.has_answer && (
            <li>
              <time dateTime={problem.answer_due}>{t("due_by", { date: date(problem.answer_due) })}</time>
              <span>{t("done_answer", { agency: problem.source_name || config.agency.name })}</span>
            </li>
          )}
        </>
      )}
    </ol>
  );
}

function Line({ entry: { kind, at, status, label, text, actor, sender }, answer }: { entry: Entry; answer: string }) {
  const { config, language } = useSite();
  const { date, t } = language;
  // The agency and other systems by their names, people by their part; what happens by itself has no author.
  const who: Partial<Record<Entry["actor"], string>> = {
    agent: config.agency.name,
    resident: t("actor_resident"),
    platform: t("actor_platform"),
    operator: t("actor_operator")
  };
  return (
    <li class="past">
      <time dateTime={at}>{date(at)}</time>
      <span>
        {kind === "received" ? t("done_received") : (status && statusLabel(status, language)) || label}
        {(sender || who[actor]) && <span class="who muted">{sender || who[actor]}</span>}
        {text && text !== answer && (
          <span class="text" lang={config.language}>
            {text}
          </span>
        )}
      </span>
    </li>
  );
}
