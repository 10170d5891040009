/** One problem that is open: its chunk and its data come together, and it follows changes while it can be seen. */

import type { ComponentType } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Detail } from "../shared/contract.ts";
import { useFollow } from "../shared/polling.ts";
import { useResource } from "../shared/resource.ts";
import { Failed } from "../shared/ui/failure.tsx";
import { Skeleton } from "../shared/ui/skeleton.tsx";
import { Chips } from "../shared/ui/statusChip.tsx";
import { focus } from "../shared/focus.ts";
import { useLazy } from "../shared/lazy.ts";
import { pageOf } from "../shared/page.ts";
import { useSite, type Shown } from "../shared/site.ts";
import { isClosed } from "../shared/statusStyle.ts";

/** What the list takes of the chunk of one problem. */
export interface ProblemChunk {
  ProblemView: ComponentType<{
    problem: Detail & Shown;
    /** By its status. */
    closed: boolean;
    /** Shows another problem. */
    open: (number: number) => void;
    /** Takes how many say «me too» by now. */
    changed: (supporters: number) => void;
  }>;
}

export function Opened({ number, active, open }: { number: number; active: boolean; open: (number: number) => void }) {
  const site = useSite();
  const {
    config,
    language: { t, number: figure }
  } = site;
  const { chunk, failed, load } = useLazy<ProblemChunk>("problem", true);
  const heading = useRef<HTMLHeadingElement>(null);
  const answer = useResource<Detail & Shown>("/problems/" + number);
  const { data: problem, error, retry, change } = answer;
  useFollow(active, answer);
  useLayoutEffect(() => focus(heading), []);
  const begin = () => {
    void load();
    void retry();
  };
  return (
    <article>
      <h3 id="opened" tabIndex={-1} ref={heading}>
        {t("problem_number", { number: figure(number) })}
      </h3>
      {error && error.status === 404 ? (
        <Failed text={t("problem_gone")} />
      ) : failed || (error && !problem) ? (
        <Failed text={t(error && !error.status && !navigator.onLine ? "offline" : "problem_failed")} retry={begin}>
          <a href={pageOf(site, number)}>{t("unavailable_link")}</a>
        </Failed>
      ) : problem && chunk ? (
        <>
          <p class="note" role="status">
            {error && t("offline_old")}
          </p>
          {problem.title && (
            <h4 class="entry-title" lang={config.language}>
              {problem.title}
            </h4>
          )}
          {/* A change that comes while one reads is told. */}
          <p class="chips" role="status">
            <Chips problem={problem} />
          </p>
          <chunk.ProblemView
            problem={problem}
            closed={isClosed(problem)}
            open={open}
            changed={supporters => change(now => ({ ...now, supporters }))}
          />
        </>
      ) : (
        <Skeleton text={t("problem_loading")} />
      )}
    </article>
  );
}
