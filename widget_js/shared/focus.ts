/**
 * Moves focus and scroll by the person's own act alone. An answer may come when they have long gone on to the host's
 * page: then its caret and its place are theirs, so nothing moves unless what they last touched was this widget.
 */

import type { RefObject } from "preact";

const ACTS = ["pointerdown", "click", "keydown", "focusin", "change", "wheel"];

/** Where the last act happened, from the element up to the window. */
let touched: EventTarget[] = [];
const act = (event: Event): void => {
  if (event.isTrusted) touched = event.composedPath();
};
/** Into another document: a frame of the page, or out of this one. */
const leave = ({ target }: Event): void => {
  if (target === window && (self !== top || document.activeElement instanceof HTMLIFrameElement)) touched = [];
};

let attending = 0;

/**
 * Notices what the person does, once for all widgets of the page, until each of them has called the returned
 * function.
 */
export function attend(): () => void {
  if (!attending++) {
    for (const name of ACTS) addEventListener(name, act, { capture: true, passive: true });
    addEventListener("blur", leave);
  }
  return () => {
    if (--attending) return;
    for (const name of ACTS) removeEventListener(name, act, { capture: true });
    removeEventListener("blur", leave);
    touched = [];
  };
}

/** The last act was in there. */
export const isTouched = (element: Element): boolean => touched.includes(element);

/** An open dialog is modal: the rest of the page can hold no caret. */
const attended = (element: Element): boolean =>
  !!element.closest("dialog[open]") || isTouched((element.getRootNode() as ShadowRoot).host);

export const focus = ({ current }: RefObject<HTMLElement | null>, options?: FocusOptions): void => {
  if (current && attended(current)) current.focus(options);
};

/** Moves the focus to a control that the next drawing brings: the first of these that is there. */
export const focusOn = (host: HTMLElement, ...ids: string[]): void =>
  void setTimeout(() => focus({ current: ids.map(id => host.shadowRoot!.getElementById(id)).find(Boolean)! }));

/** Brings what has just come into view. */
export const show = (element: Element): void => {
  if (attended(element)) element.scrollIntoView({ block: "nearest" });
};
