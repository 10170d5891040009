/** The entries that views make above the dialog's: each shows a hash of ours in the page's address. */

import { ignoreErrors } from "./storage.ts";
import type { Trail } from "./trail.ts";

const withoutHash = (href: string) => href.split("#")[0]!;

/** Whether the page stands where a view has led it. */
export const isAhead = ({ at, hasDialog, isHere }: Trail): boolean => at > +hasDialog && isHere;

/** Writes a hash of ours, or none, into the page's address; `step`: as an entry of its own. */
export function write(trail: Trail, hash: string, step = false): void {
  // The views write anew when the page has arrived.
  if (trail.isBetween) return;
  // The host has gone on meanwhile: what lies behind is its own.
  if (!trail.isHere) trail.begin();
  // A page without an address of its own (srcdoc), or one that has written too often in a short while, refuses.
  ignoreErrors(() => {
    // A <base> would lead "#…" to another page; the host keeps its state.
    history[step ? "pushState" : "replaceState"](history.state, "", withoutHash(location.href) + hash);
    if (step) trail.entries.splice(++trail.at);
    trail.entries[trail.at] = trail.here;
  });
}

/** Takes the last step back where it led from this hash, so that the way back holds no entry twice. */
export function retrace(trail: Trail, hash: string): boolean {
  const { entries, at } = trail;
  const follows = isAhead(trail) && entries[at - 1]!.startsWith(withoutHash(location.href) + hash + " ");
  if (follows) history.back();
  return follows;
}
