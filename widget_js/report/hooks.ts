/** Small hooks of the form. */

import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { focus } from "../shared/focus.ts";
import { useSite } from "../shared/site.ts";

/** Below this width the form asks one question a step. */
const NARROW = 600;

/** The form's own width counts: it may stand in a narrow column of a wide page. Hidden, it keeps what it was. */
export function useNarrow(element: RefObject<HTMLElement | null>): boolean {
  const [narrow, set] = useState(innerWidth < NARROW);
  useLayoutEffect(() => {
    const take = (width: number) => {
      if (width) set(width < NARROW);
    };
    take(element.current!.offsetWidth);
    const watch = new ResizeObserver(([entry]) => take(entry!.contentRect.width));
    watch.observe(element.current!);
    return () => watch.disconnect();
  }, []);
  return narrow;
}

/** Milliseconds of rest before the service is asked about what is being typed. */
const REST = 700;

/** What the service answers at `path`, below the site's address; null before, without a path, and after a failure. */
export function useAnswer<T>(path: string | null | undefined | false): T | null {
  const { api } = useSite();
  const [answer, set] = useState<T | null>(null);
  useLayoutEffect(() => {
    set(null);
    if (!path) return;
    let wanted = true;
    const ask = () =>
      api.get<T>(path).then(
        found => wanted && set(found),
        () => {}
      );
    const timer = setTimeout(ask, REST);
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [path]);
  return answer;
}

/** Moves the focus to the element with each act of the person that is counted. */
export function useFocus<T extends HTMLElement>(acts: number): RefObject<T | null> {
  const element = useRef<T>(null);
  useLayoutEffect(() => {
    if (acts) focus(element);
  }, [acts]);
  return element;
}

/**
 * Gives the element the focus that went with what it takes the place of. `missed`: the person is elsewhere in the
 * widget, where the focus stays.
 */
export function useArrival<T extends HTMLElement>(
  there: () => boolean
): { element: RefObject<T | null>; missed: boolean } {
  const element = useRef<T>(null);
  const [missed, setMissed] = useState(false);
  useLayoutEffect(() => {
    if (there()) focus(element);
    else setMissed(true);
  }, []);
  return { element, missed };
}
