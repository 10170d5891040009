/** Small hooks of the form. */

import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { focus } from "../shared/focus.ts";
import { useSite } from "../shared/site.ts";

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
