/** The place of one problem: stands at once, while its chunk and its data are on their way together. */

import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Detail } from "../contract.ts";
import { T } from "../i18n.ts";
import { refresh } from "../list/follow.ts";
import { Failed } from "../list/failed.tsx";
import { Skeleton } from "../parts/skeleton.tsx";
import { focus } from "../parts/hooks.ts";
import { Icon } from "../parts/icon.tsx";
import { useLater } from "../parts/later.ts";
import { BACK } from "../list/turn.tsx";
import { useSite } from "../parts/site.ts";

export function Opened({ number, active, back, open }: { number: number; active: boolean; back: () => void; open: (number: number) => void }) {
  const { api, language: { t, number: figure } } = useSite();
  const { chunk, failed, load } = useLater("problem");
  const heading = useRef<HTMLHeadingElement>(null);
  const first = useMemo(() => {
    const asked = refresh<Detail>(api, "/problems/" + number);
    // Whoever shows it hears of its failure; until then nobody needs to.
    asked.catch(() => {});
    return asked;
  }, [number]);
  useEffect(() => {
    focus(heading);
    void load();
  }, []);
  return <article>
    <button class="link back" type="button" onClick={back}><Icon path={BACK} />{t(T.problem_back)}</button>
    <h3 id="opened" tabIndex={-1} ref={heading}>{t(T.problem_number, { number: figure(number) })}</h3>
    {chunk ? <chunk.ProblemView number={number} active={active} back={back} open={open} first={first} />
      : failed ? <Failed text={t(T.problem_failed)} retry={load} />
      : <Skeleton text={t(T.problem_loading)} />}
  </article>;
}
