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
    let wanted = !!path;
    set(null);
    setTimeout(
      () =>
        wanted &&
        api.get<T>(path as string).then(
          found => wanted && set(found),
          () => {}
        ),
      REST
    );
    return () => {
      wanted = false;
    };
  }, [path]);
  return answer;
}

/** Moves the focus to the element with each of the acts that are counted. */
export function useFocus<T extends HTMLElement>(acts: number): RefObject<T | null> {
  const element = useRef<T>(null);
  useLayoutEffect(() => {
    if (acts) focus(element);
  }, [acts]);
  return element;
}
