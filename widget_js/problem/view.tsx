/** One problem as a whole; it follows changes while it is open. */

import { useLayoutEffect, useState } from "preact/hooks";
import type { ApiError } from "../shared/api.ts";
import type { Detail } from "../shared/contract.ts";
import { pageOf } from "../shared/page.ts";
import { Chips } from "../shared/ui/statusChip.tsx";
import { refresh, useFollow } from "../shared/polling.ts";
import { Failed } from "../shared/ui/failure.tsx";
import { Skeleton } from "../shared/ui/skeleton.tsx";
import { Icon } from "../shared/ui/icon.tsx";
import { useLazy } from "../shared/lazy.ts";
import { useSite, type Shown } from "../shared/site.ts";
import { Actions } from "./actions.tsx";
import { Answer } from "./answer.tsx";
import { Facts } from "./facts.tsx";
import { Photos } from "./photos.tsx";
import { Timeline } from "./timeline.tsx";

export function ProblemView({
  number,
  active,
  first,
  open
}: {
  number: number;
  active: boolean;
  /** What was asked for beside this chunk. */
  first?: Promise<Detail>;
  /** Shows another problem here; without it a link leads to the other's page. */
  open?: (number: number) => void;
}) {
  const site = useSite();
  const {
    api,
    config,
    language: { t, number: figure }
  } = site;
  const [problem, setProblem] = useState<(Detail & Shown) | null>(null);
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
  useLayoutEffect(() => {
    (first ? show(first) : load()).catch(() => {});
  }, []);
  useFollow(active, load);
  const talk = useLazy<typeof import("./discussion/entry.ts")>("discussion");
  const discussed = !!problem && problem.discussion === "moderated";
  useLayoutEffect(() => {
    if (discussed) void talk.load();
  }, [discussed]);

  if (error && error.status === 404) return <Failed text={t("problem_gone")} />;
  if (!problem)
    return error ? (
      <Failed
        text={t(error.status || navigator.onLine ? "problem_failed" : "offline")}
        retry={() => {
          setError(null);
          load().catch(() => {});
        }}>
        <a href={pageOf(site, number)}>{t("unavailable_link")}</a>
      </Failed>
    ) : (
      <Skeleton text={t("problem_loading")} />
    );

  const other = problem.duplicate_of;
  return (
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
      {other && (
        <p class="notice">
          <Icon name="info" />
          <span>
            {t("merged")}{" "}
            <a
              href={pageOf(site, other)}
              onClick={event => {
                if (open) {
                  event.preventDefault();
                  open(other);
                }
              }}>
              {t("problem_number", { number: figure(other) })}
            </a>
          </span>
        </p>
      )}
      <p class="text" lang={config.language}>
        {problem.description}
      </p>
      <Photos problem={problem} talk={talk} />
      {problem.answer && <Answer answer={problem.answer} />}
      <Facts problem={problem} />
      <Actions problem={problem} talk={talk} changed={supporters => setProblem(now => now && { ...now, supporters })} />
      <h4>{t("timeline_title")}</h4>
      <Timeline problem={problem} />
      {discussed &&
        (talk.chunk ? (
          <talk.chunk.Comments number={number} closed={!!other} />
        ) : talk.failed ? (
          <Failed text={t("part_failed")} retry={talk.load} />
        ) : (
          <Skeleton text={t("problem_loading")} />
        ))}
    </>
  );
}
