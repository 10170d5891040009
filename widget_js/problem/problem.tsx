/** One problem as a whole; it follows changes while it is open. */

import { useEffect, useState } from "preact/hooks";
import type { ApiError } from "../api.ts";
import type { Detail } from "../contract.ts";
import { link } from "../host.ts";
import { T } from "../i18n.ts";
import { Chips } from "../list/chip.tsx";
import { refresh, useFollow } from "../list/follow.ts";
import { Failed } from "../list/failed.tsx";
import { Skeleton } from "../parts/skeleton.tsx";
import { Icon } from "../parts/icon.tsx";
import { useLater } from "../parts/later.ts";
import { useSite } from "../parts/site.ts";
import { Actions } from "./actions.tsx";
import { Answer } from "./answer.tsx";
import { Facts } from "./facts.tsx";
import { Photos } from "./photos.tsx";
import { Timeline } from "./timeline.tsx";

export function ProblemView({ number, active, back, first, open }: {
  number: number; active: boolean; back: () => void;
  /** What was asked for beside this chunk. */
  first?: Promise<Detail>;
  /** Shows another problem here; without it a link leads to the other's page. */
  open?: (number: number) => void;
}) {
  const { api, config, language: { t, number: figure } } = useSite();
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
  useEffect(() => { (first ? show(first) : load()).catch(() => {}); }, []);
  useFollow(active, load);
  const talk = useLater("talk");
  const discussed = !!problem && problem.discussion === "moderated";
  useEffect(() => { if (discussed) void talk.load(); }, [discussed]);

  if (error && error.status === 404) return <Failed text={t(T.problem_gone)}><button class="link" type="button" onClick={back}>{t(T.problem_back)}</button></Failed>;
  if (!problem) return error
    ? <Failed text={t(error.status || navigator.onLine ? T.problem_failed : T.offline)} retry={() => { setError(null); load().catch(() => {}); }}>
      <a href={link(`${config.links.site}/problems/${number}`)}>{t(T.unavailable_link)}</a></Failed>
    : <Skeleton text={t(T.problem_loading)} />;

  const other = problem.duplicate_of;
  return <>
    <p class="note" role="status">{error && t(T.offline_old)}</p>
    {/* A change that comes while one reads is told. */}
    <p class="chips" role="status"><Chips problem={problem} /></p>
    {other && <p class="notice"><Icon name="info" /><span>{t(T.merged)} <a href={link(`${config.links.site}/problems/${other}`)}
      onClick={event => { if (open) { event.preventDefault(); open(other); } }}>{t(T.problem_number, { number: figure(other) })}</a></span></p>}
    <p class="text" lang={config.language}>{problem.description}</p>
    <Photos problem={problem} talk={talk} />
    {problem.answer && <Answer answer={problem.answer} />}
    <Facts problem={problem} />
    <Actions problem={problem} talk={talk} changed={supporters => setProblem({ ...problem, supporters })} />
    <h4>{t(T.timeline_title)}</h4>
    <Timeline problem={problem} />
    {discussed && (talk.chunk ? <talk.chunk.Comments number={number} closed={!!other} />
      : talk.failed ? <Failed text={t(T.part_failed)} retry={talk.load} /> : <Skeleton text={t(T.problem_loading)} />)}
  </>;
}
