/** Tells the page what happens in the widget. */

import { EVENT } from "../loader/host.ts";

export const emit = (host: Element, name: string, detail?: unknown): boolean =>
  host.dispatchEvent(new CustomEvent(EVENT + name, { bubbles: true, composed: true, detail }));
