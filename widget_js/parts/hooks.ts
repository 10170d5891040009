/** Small helpers shared by the views. */

import type { RefObject } from "preact";
import type { Host } from "../host.ts";

export const focus = ({ current }: RefObject<HTMLElement | null>): void => {
  if (current) current.focus();
};

/** Moves the focus to a control that the next drawing brings: the first of these that is there. */
export const focusOn = (host: Host, ...ids: string[]): void =>
  void setTimeout(() => focus({ current: ids.map(id => host.shadowRoot!.getElementById(id)).find(Boolean)! }));
