/**
 * What is shown, in the page's address: `#igrajdanin?status=new&problem=12`, so that a view can be shared, and back and
 * forward work. The page is the host's: its path, its query and a hash of its own (a router's, an anchor's) are never
 * touched; the widget then simply remembers for itself. Of several widgets on a page the first has the address.
 */

import type { Host } from "../host.ts";
import { parse, query, type Filters } from "./filters.ts";

export interface Shown { filters: Filters; problem?: number | undefined }

const OURS = /^#igrajdanin(?:\?(.*))?$/;
const PROBLEM = /(?:^|&)problem=(\d{1,10})(?:&|$)/;

/** The hash for it; empty where nothing is chosen and nothing is open. */
export function hash({ filters, problem }: Shown): string {
  const text = [query(filters), problem && "problem=" + problem].filter(Boolean).join("&");
  return text && "#igrajdanin?" + text;
}

/** What a hash of ours says; an empty one says nothing is chosen; null for one of the host's. */
export function read(hash: string): Shown | null {
  const found = OURS.exec(hash);
  if (!found) return hash.length > 1 ? null : { filters: {} };
  const text = found[1] || "";
  const problem = PROBLEM.exec(text);
  return { filters: parse(text), problem: problem ? +problem[1]! : undefined };
}

export class Address {
  /** The address of the step that was made last, while the page still has it. */
  private step = "";

  constructor(private readonly host: Host) {}

  /** The first extended widget of the page; one that was taken out may still take its leave. */
  private mine(): boolean {
    const all = [...document.querySelectorAll<Host>("igrajdanin-widget")];
    return !this.host.isConnected || all.find(one => one.of && one.of("type") === "extended") === this.host;
  }

  /** What the address says to this widget, null where it says nothing to it. */
  read(): Shown | null {
    return this.mine() ? read(location.hash) : null;
  }

  /** `step`: back leads to what was shown before. */
  write(shown: Shown, step?: boolean): void {
    const wanted = hash(shown);
    if (!this.read() || wanted === location.hash) return;
    // A <base> would lead "#…" to another page; the host keeps its state.
    const whole = location.href.split("#")[0] + wanted;
    try {
      history[step ? "pushState" : "replaceState"](history.state, "", whole);
      this.step = step ? whole : "";
    } catch {
      // A page without an address of its own (srcdoc), or one that has written too often in a short while.
    }
  }

  /** Undoes the step that was just made, so that the way back holds no step twice; else writes what is shown now. */
  back(shown: Shown): void {
    if (this.step && this.step === location.href) history.back();
    else this.write(shown);
    this.step = "";
  }

  /** Calls with what the address says after back, forward or a followed link; returns how to stop. */
  follow(changed: (shown: Shown) => void): () => void {
    const listen = () => {
      this.step = "";
      const shown = this.read();
      if (shown) changed(shown);
    };
    addEventListener("popstate", listen);
    return () => removeEventListener("popstate", listen);
  }

  /** The view is closed: the page has its address back. */
  leave(): void {
    this.write({ filters: {} });
  }
}
