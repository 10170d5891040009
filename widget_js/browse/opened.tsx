/** The place of one problem: stands at once, while its chunk and its data are on their way together. */

import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { Detail } from "../shared/contract.ts";
import { refresh } from "../shared/polling.ts";
import { Failed } from "../shared/ui/failure.tsx";
import { Skeleton } from "../shared/ui/skeleton.tsx";
import { focus } from "../shared/focus.ts";
import { useLazy } from "../shared/lazy.ts";
import { useSite } from "../shared/site.ts";

export function Opened({ number, active, open }: { number: number; active: boolean; open: (number: number) => void }) {
  const {
    api,
    language: { t, number: figure }
  } = useSite();
  const { chunk, failed, load } = useLazy<typeof import("../problem/entry.ts")>("problem");
  const heading = useRef<HTMLHeadingElement>(null);
  const first = useMemo(() => {
    const asked = refresh<Detail>(api, "/problems/" + number);
    // Whoever shows it hears of its failure; until then nobody needs to.
    asked.catch(() => {});
    return asked;
  }, [number]);
  useLayoutEffect(() => {
    focus(heading);
    void load();
  }, []);
  return (
    <article>
      <h3 id="opened" tabIndex={-1} ref={heading}>
        {t("problem_number", { number: figure(number) })}
      </h3>
      {chunk ? (
        <chunk.ProblemView number={number} active={active} open={open} first={first} />
      ) : failed ? (
        <Failed text={t("problem_failed")} retry={load} />
      ) : (
        <Skeleton text={t("problem_loading")} />
      )}
    </article>
  );
}
