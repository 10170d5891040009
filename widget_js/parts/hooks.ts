/**
 * Moves focus and scroll by the person's own act alone. An answer may come when they have long gone on to the host's page:
 * then its caret and its place are theirs, so nothing moves unless what they last touched was this widget.
 */

import type { RefObject } from "preact";
import type { Host } from "../host.ts";

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

/** Begins to notice what the person does; once for all widgets of the page. */
export function attend(): void {
  for (const name of ACTS) addEventListener(name, act, { capture: true, passive: true });
  addEventListener("blur", leave);
}

/** An open dialog is modal: the rest of the page can hold no caret. */
const attended = (element: Element): boolean =>
  !!element.closest("dialog[open]") || touched.includes((element.getRootNode() as ShadowRoot).host);

export const focus = ({ current }: RefObject<HTMLElement | null>, options?: FocusOptions): void => {
  if (current && attended(current)) current.focus(options);
};

/** Moves the focus to a control that the next drawing brings: the first of these that is there. */
export const focusOn = (host: Host, ...ids: string[]): void =>
  void setTimeout(() => focus({ current: ids.map(id => host.shadowRoot!.getElementById(id)).find(Boolean)! }));

/** Brings what has just come into view. */
export const show = (element: Element): void => {
  if (attended(element)) element.scrollIntoView({ block: "nearest" });
};
