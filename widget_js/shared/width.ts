/** The widget's own width: it may stand in a narrow column of a wide page. */

import type { RefObject } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";

/** Pixels; what an element that is hidden had before. */
export function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, set] = useState(0);
  useLayoutEffect(() => {
    const take = (now: number) => {
      if (now) set(now);
    };
    take(element.current!.offsetWidth);
    const watch = new ResizeObserver(([entry]) => take(entry!.contentRect.width));
    watch.observe(element.current!);
    return () => watch.disconnect();
  }, []);
  return width;
}
