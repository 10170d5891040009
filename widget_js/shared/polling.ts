/** Asks again every few seconds while somebody looks, rarely when nobody does, and slower after failures. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Resource } from "./resource.ts";
import { useSite } from "./site.ts";

const LOOKED_AT = 5_000;
const HIDDEN = 60_000;
const SLOWEST = 120_000;
/** Around the screen, where an inline widget still counts as looked at. */
const NEAR = "100px";

/**
 * Polls with `ask` until the returned function is called. There is one chain: whatever wakes it while an answer is
 * awaited finds that answer on its way, and only the one that has come plans the next.
 */
export function poll(ask: () => Promise<unknown>): () => void {
  let timer: ReturnType<typeof setTimeout>;
  let failures = 0;
  let asking = false;
  let stopped = false;
  const plan = () => {
    const pause = document.hidden ? HIDDEN : Math.min(LOOKED_AT * 2 ** failures, SLOWEST);
    timer = setTimeout(run, pause);
  };
  const run = async () => {
    if (asking) return;
    asking = true;
    clearTimeout(timer);
    await ask().then(
      () => {
        failures = 0;
      },
      () => {
        failures++;
      }
    );
    asking = false;
    if (!stopped) plan();
  };
  const shown = () => void (document.hidden || run());
  plan();
  document.addEventListener("visibilitychange", shown);
  return () => {
    stopped = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", shown);
  };
}

/** Follows what a view shows, while `active` and on the screen. */
export function useFollow<T>(active: boolean, { of, error, refresh }: Resource<T>): void {
  const { host, session } = useSite();
  const [inView, setInView] = useState(true);
  useLayoutEffect(() => {
    const watch = new IntersectionObserver(([entry]) => setInView(entry!.isIntersecting), { rootMargin: NEAR });
    watch.observe(host);
    return () => watch.disconnect();
  }, [host]);
  const latest = useRef(refresh);
  latest.current = refresh;
  const follows = active && session.isVisible && (session.isOpen || inView) && (of !== null || !!error);
  useLayoutEffect(() => (follows ? poll(() => latest.current()) : undefined), [follows]);
}
