/** What stands below the title and the status of a problem. */

import { useRef } from "preact/hooks";
import type { Detail } from "../shared/contract.ts";
import { isOwnClick } from "../shared/click.ts";
import { pageOf } from "../shared/page.ts";
import { Failed } from "../shared/ui/failure.tsx";
import { Skeleton } from "../shared/ui/skeleton.tsx";
import { Icon } from "../shared/ui/icon.tsx";
import { useLazy } from "../shared/lazy.ts";
import { useSite, type Shown } from "../shared/site.ts";
import { useWidth } from "../shared/width.ts";
import { Actions } from "./actions.tsx";
import { Answer } from "./answer.tsx";
import { Facts } from "./facts.tsx";
import { Photos } from "./photos.tsx";
import { Timeline } from "./timeline.tsx";
import { Where } from "./where.tsx";

/** Pixels from which on the map stands beside the text. */
const WIDE = 940;

/** `closed`: by its status. `open` shows another problem, `changed` takes how many say «me too» by now. */
export function ProblemView({
  problem,
  closed,
  open,
  changed
}: {
  problem: Detail & Shown;
  closed: boolean;
  open: (number: number) => void;
  changed: (supporters: number) => void;
}) {
  const site = useSite();
  const {
    config,
    entries,
    language: { t, number }
  } = site;
  const discussed = problem.discussion === "moderated";
  const discussion = useLazy<typeof import("./discussion/entry.ts")>("discussion", discussed);
  const other = problem.duplicate_of;
  const box = useRef<HTMLDivElement>(null);
  const wide = useWidth(box) >= WIDE;
  const map = config.map && config.map.tiles && problem.location && (
    <Where place={problem.location} address={problem.address} />
  );
  return (
    <div class={map && wide ? "opened beside-map" : "opened"} ref={box}>
      <div>
        {other && (
          <p class="notice">
            <Icon name="info" />
            <span>
              {t("merged")}{" "}
              <a
                href={pageOf(site, other)}
                onClick={event => {
                  if (!isOwnClick(event)) return;
                  event.preventDefault();
                  open(other);
                }}>
                {t("problem_number", { number: number(other) })}
              </a>
            </span>
          </p>
        )}
        <p class="text" lang={config.language}>
          {problem.description}
        </p>
        <Photos problem={problem} discussion={discussion} />
        {problem.answer && <Answer answer={problem.answer} />}
        <Facts problem={problem} closed={closed} map={!wide && map} />
        <Actions problem={problem} closed={closed} discussion={discussion} changed={changed} />
        {/* Entries of a directory are only checked: no work goes on. */}
        {(!entries || entries.answered) && (
          <>
            <h4>{t("timeline_title")}</h4>
            <Timeline problem={problem} closed={closed} />
          </>
        )}
        {discussed &&
          (discussion.chunk ? (
            <discussion.chunk.Comments number={problem.number} closed={!!other} />
          ) : discussion.failed ? (
            <Failed text={t("part_failed")} retry={discussion.load} />
          ) : (
            <Skeleton text={t("problem_loading")} />
          ))}
      </div>
      {wide && map}
    </div>
  );
}
