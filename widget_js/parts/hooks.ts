/** Small helpers shared by the views. */

import type { RefObject } from "preact";
import type { Host } from "../host.ts";

export const focus = ({ current }: RefObject<HTMLElement | null>): void => {
  if (current) current.focus();
};

/** Moves the focus to a control that the next drawing brings. */
export const focusOn = (host: Host, id: string): void =>
  void setTimeout(() => focus({ current: host.shadowRoot!.getElementById(id) }));
