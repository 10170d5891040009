/** Small hooks of the form. */

import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { focus } from "../shared/focus.ts";
import { useResource } from "../shared/resource.ts";
import { useSite } from "../shared/site.ts";
import type { ReportSession } from "./session.ts";

/** Milliseconds of rest before the service is asked about what is being typed. */
const REST = 700;

/** What the service answers at `path`, below the site's address; null before, without a path, and after a failure. */
export function useAnswer<T>(path: string | null | undefined | false): T | null {
  const wanted = useSite().visible && path;
  const { data, of } = useResource<T>(wanted, { rest: REST });
  return of === wanted ? data : null;
}

/** Moves the focus to the element with each act of the person that is counted from now on. */
export function useFocus<T extends HTMLElement>(acts: number): RefObject<T | null> {
  const element = useRef<T>(null);
  const known = useRef(acts);
  useLayoutEffect(() => {
    if (acts !== known.current) focus(element);
    known.current = acts;
  }, [acts]);
  return element;
}

/** Returns whether the focus is where it was when the report was sent, or has gone with what had it. */
export function useFocusKept(isBusy: boolean): () => boolean {
  const { host } = useSite();
  const focused = () => host.shadowRoot!.activeElement;
  const before = useRef<Element | null>(null);
  useLayoutEffect(() => {
    if (isBusy) before.current = focused();
  }, [isBusy]);
  return () => [null, before.current].includes(focused());
}

/**
 * Gives the element the focus that went with what it takes the place of. `isMissed`: the person is elsewhere in the
 * widget, where the focus stays.
 */
export function useArrival<T extends HTMLElement>(
  report: Pick<ReportSession, "isFocusKept">
): { element: RefObject<T | null>; isMissed: boolean } {
  const element = useRef<T>(null);
  const [isMissed, setMissed] = useState(false);
  useLayoutEffect(() => {
    if (report.isFocusKept()) focus(element);
    else setMissed(true);
  }, []);
  return { element, isMissed };
}
