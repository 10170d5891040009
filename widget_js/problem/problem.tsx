/** One problem with its timeline and official answer; it follows changes while it is open. */

import { useEffect, useState } from "preact/hooks";
import type { ApiError } from "../api.ts";
import type { Detail, Entry, Status } from "../contract.ts";
import { T } from "../i18n.ts";
import { Chips, statusLabel } from "../list/chip.tsx";
import { refresh, useFollow } from "../list/follow.ts";
import { Failed, Skeleton } from "../parts/failed.tsx";
import { useSite } from "../parts/site.ts";

/** The work is over: no future step is shown. */
const CLOSED: Status[] = ["resolved", "answered", "redirected", "duplicate", "rejected", "confirmed", "withdrawn"];

export function ProblemView({ number, active, first }: { number: number; active: boolean; back: () => void; first: Promise<Detail> }) {
  const { api, config, language: { t, date } } = useSite();
  const [problem, setProblem] = useState<Detail | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const show = async (asked: Promise<Detail>) => {
    try {
      setProblem(await asked);
      setError(null);
    } catch (thrown) {
      setError(thrown as ApiError);
      throw thrown;
    }
  };
  const load = () => show(refresh<Detail>(api, "/problems/" + number));
  useEffect(() => { show(first).catch(() => {}); }, []);
  useFollow(active, load);

  const gone = error?.status === 404;
  return <>
    {error && (gone || !problem) && <Failed text={t(gone ? T.problem_gone : T.problem_failed)} retry={!gone && (() => load().catch(() => {}))} />}
    {!problem && !error && <Skeleton text={t(T.problem_loading)} />}
    {problem && !gone && <>
      <p class="chips"><Chips problem={problem} /></p>
      <p class="text">{problem.description}</p>
      {problem.photos.length > 0 && <p class="shots">{problem.photos.map(({ url, thumb, alt }, index) =>
        <a key={url} href={url} target="_blank" rel="noopener"><img src={thumb} alt={alt || t(T.photo, { n: index + 1 })} /></a>)}</p>}
      <p class="muted">{[config.categories.find(({ code }) => code === problem.category)?.name, problem.address,
        t(T.received_on, { date: date(problem.created_at) })].filter(Boolean).join(" · ")}</p>
      {problem.answer && <section class="answer">
        <h4>{t(T.answer_title)}</h4>
        <p class="muted">{problem.answer.agency} · <time dateTime={problem.answer.at}>{date(problem.answer.at)}</time></p>
        <p class="text">{problem.answer.text}</p>
      </section>}
      <h4>{t(T.timeline_title)}</h4>
      <ol class="timeline">
        {problem.timeline.map((entry, index) => <Line key={index} entry={entry} answer={problem.answer?.text} />)}
        {!CLOSED.includes(problem.status) && <li><time>{t(T.due_by, { date: date(problem.answer_due) })}</time>
          <span>{t(T.done_answer, { agency: config.agency.name })}</span></li>}
      </ol>
    </>}
  </>;
}

function Line({ entry, answer }: { entry: Entry; answer: string | undefined }) {
  const { language } = useSite();
  const { date } = language;
  const label = entry.kind === "received" ? language.t(T.done_received) : entry.status && statusLabel(entry.status, language) || entry.label;
  return <li class="past">
    <time dateTime={entry.at}>{date(entry.at)}</time>
    <span>{label}{entry.text && entry.text !== answer && <span class="text muted">{entry.text}</span>}</span>
  </li>;
}
