/** Asks again every few seconds while somebody looks, rarely when nobody does, and slower after failures. */

import { useEffect, useRef } from "preact/hooks";
import type { Api } from "../api.ts";

const LOOKED_AT = 5_000;
const HIDDEN = 60_000;
const SLOWEST = 120_000;

/** `no-cache` makes the browser ask with its ETag and without a preflight, which a hand-set If-None-Match would cost. */
export const refresh = <T>(api: Api, path: string): Promise<T> => api.get<T>(path, undefined, { cache: "no-cache" });

export function useFollow(active: boolean, ask: () => Promise<void>): void {
  const latest = useRef(ask);
  latest.current = ask;
  useEffect(() => {
    if (!active) return;
    let timer: ReturnType<typeof setTimeout>;
    let failures = 0;
    let stopped = false;
    const plan = () => {
      const pause = document.hidden ? HIDDEN : Math.min(LOOKED_AT * 2 ** failures, SLOWEST);
      timer = setTimeout(run, pause);
    };
    const run = async () => {
      await latest.current().then(() => { failures = 0; }, () => { failures++; });
      if (!stopped) plan();
    };
    const shown = () => {
      if (document.hidden) return;
      clearTimeout(timer);
      void run();
    };
    plan();
    document.addEventListener("visibilitychange", shown);
    return () => {
      stopped = true;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", shown);
    };
  }, [active]);
}
