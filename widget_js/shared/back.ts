/**
 * «Назад» of a phone leads out of the open dialog, not out of the page. Where the browser has close watchers (HTML,
 * «close requests»), a modal dialog answers that button by itself, with `cancel`. Elsewhere one entry of the page's
 * history stands for the open dialog, with the address and the state the page has; closing takes it back.
 */

import { quietly } from "./storage.ts";

export interface Back {
  /** From what is shown to what was shown before it, inside the dialog. */
  inner?: (() => void) | undefined;
  /** Steps that a view has made above the entry (browse/address.ts). */
  steps: number;
  /** Where the widget has left the page; the host may have gone on since. */
  href?: string;
  /** The dialog opens. */
  enter(): void;
  /** Takes back what the widget has made of the history, unless the host has gone on. */
  leave(): void;
}

/** The uppermost dialog that has an entry. */
let top: Back | undefined;
/** An entry of ours is being taken back: the popstate that tells of it is nobody's press. */
export let leaving = false;

export function createBack(close: () => void): Back {
  let entry = 0;
  let page: string;
  let below: Back | undefined;
  const forget = () => {
    removeEventListener("popstate", enter);
    removeEventListener("popstate", press, true);
    if (top === back) top = below;
    entry = 0;
  };
  const press = () => {
    if (leaving || back.steps || location.href !== page || top !== back) return;
    forget();
    if (back.inner) {
      back.inner();
      enter();
    } else close();
  };
  const enter = () => {
    // Opened by a step of its own that one came to again, it has its way back.
    if ("CloseWatcher" in window || back.steps) return;
    if (leaving) return addEventListener("popstate", enter, { once: true });
    quietly(() => {
      page = back.href = location.href;
      history.pushState(history.state, "");
      entry = 1;
      below = top;
      top = back;
      // Before a view counts its steps anew.
      addEventListener("popstate", press, true);
    });
  };
  const back: Back = {
    steps: 0,
    enter,
    leave() {
      const made = entry + back.steps;
      forget();
      back.steps = 0;
      if (!made) return;
      leaving = true;
      // A router that has taken the widget out is in the middle of its own step.
      queueMicrotask(() => {
        if (location.href !== back.href) return (leaving = false);
        addEventListener("popstate", () => (leaving = false), { once: true });
        history.go(-made);
      });
    }
  };
  return back;
}
