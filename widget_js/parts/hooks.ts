/** Small hooks shared by the views. */

import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

/** Below this width the form asks one question a step. */
const NARROW = 600;

export function useNarrow(element: RefObject<HTMLElement | null>): boolean {
  const [narrow, set] = useState(innerWidth < NARROW);
  useLayoutEffect(() => {
    const watch = new ResizeObserver(entries => {
      const { width } = entries[0]!.contentRect;
      if (width) set(width < NARROW);
    });
    watch.observe(element.current!);
    return () => watch.disconnect();
  }, []);
  return narrow;
}

export const focus = ({ current }: RefObject<HTMLElement | null>): void => {
  if (current) current.focus();
};

/** Moves the focus to the element whenever `when` changes to a true value, but not at the first drawing. */
export function useFocus<T extends HTMLElement>(when: unknown): RefObject<T | null> {
  const element = useRef<T>(null);
  const first = useRef(true);
  useEffect(() => {
    if (!first.current && when) focus(element);
    first.current = false;
  }, [when]);
  return element;
}
