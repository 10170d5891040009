/**
 * What is shown, in the page's address: `#igrajdanin?status=new&problem=12`, so that a view can be shared, and back and
 * forward work. The page is the host's: its path, its query and a hash of its own (a router's, an anchor's) are never
 * touched; the widget then simply remembers for itself. Of several widgets on a page the first has the address.
 */

import { isExtended, TAG } from "../loader/host.ts";
import { leaving, type Back } from "../shared/back.ts";
import { parse, query, type Filters } from "../shared/filters.ts";

export interface Shown {
  filters: Filters;
  problem?: number | undefined;
  /** The slug of the collection, where it is not the first of several. */
  collection?: string | undefined;
}

const OURS = /^#igrajdanin(?:\?(.*))?$/;
const COLLECTION = /(?:^|&)collection=([a-z\d-]+)(?:&|$)/;
const PROBLEM = /(?:^|&)problem=(\d{1,10})(?:&|$)/;

/** The hash for it; empty where nothing is chosen and nothing is open. */
export function hash({ filters, problem, collection }: Shown): string {
  const text = [collection && "collection=" + collection, query(filters), problem && "problem=" + problem]
    .filter(Boolean)
    .join("&");
  return text && "#igrajdanin?" + text;
}

/** What a hash of ours says; an empty one says nothing is chosen; null for one of the host's. */
export function read(hash: string): Shown | null {
  const found = OURS.exec(hash);
  if (!found) return hash.length > 1 ? null : { filters: {} };
  const text = found[1] || "";
  const problem = PROBLEM.exec(text);
  const collection = COLLECTION.exec(text);
  return {
    filters: parse(text),
    problem: problem ? +problem[1]! : undefined,
    collection: collection ? collection[1] : undefined
  };
}

export class Address {
  /** The page's history from the address it had, as far as we have made it, and where in it the page stands. */
  private trail = [location.href];
  /** Of what is written, as in `Shown`. */
  collection: string | undefined;

  /** `made` holds where in it the page stands. */
  constructor(
    private readonly host: HTMLElement,
    private readonly made: Back,
    /** Of entries, which are found by their answers too; the service refuses that of problems. */
    private readonly entries?: boolean
  ) {}

  /** The first extended widget of the page; one that was taken out may still take its leave. */
  private mine(): boolean {
    const all = [...document.querySelectorAll(TAG)];
    return !this.host.isConnected || all.find(isExtended) === this.host;
  }

  /** What the address says to this widget, null where it says nothing to it. */
  read(): Shown | null {
    const shown = this.mine() ? read(location.hash) : null;
    if (shown && !this.entries) delete shown.filters.answers;
    return shown;
  }

  /** `step`: back leads to what was shown before. */
  write(shown: Shown, step?: boolean): void {
    const wanted = hash({ ...shown, collection: this.collection });
    if (!this.read() || wanted === location.hash) return;
    const { made } = this;
    const { href } = location;
    // The host has gone on meanwhile: what lies behind is its own.
    if (this.trail[made.steps] !== href) this.begin(href);
    try {
      // A <base> would lead "#…" to another page; the host keeps its state.
      history[step ? "pushState" : "replaceState"](history.state, "", href.split("#")[0] + wanted);
      if (step) this.trail.splice(++made.steps);
      this.trail[made.steps] = made.href = location.href;
    } catch {
      // A page without an address of its own (srcdoc), or one that has written too often in a short while.
    }
  }

  private begin(href: string): void {
    this.trail = [href];
    this.made.steps = 0;
  }

  /** Undoes the step that led from there, so that the way back holds no step twice; else writes what is shown now. */
  back(shown: Shown): void {
    const {
      trail,
      made: { steps: at }
    } = this;
    if (
      trail[at] === location.href &&
      trail[at - 1] === location.href.split("#")[0] + hash({ ...shown, collection: this.collection })
    )
      history.back();
    else this.write(shown);
  }

  /**
   * Calls with what the address says after back, forward or a followed link, and with nothing when the page has its own
   * again; returns how to stop.
   */
  follow(changed: (shown: Shown | null) => void): () => void {
    const listen = () => {
      const { trail, made } = this;
      const at = made.steps;
      const { href } = location;
      // Where it could be either way it was back: to count too few steps does no harm.
      made.steps = trail[at - 1] === href ? at - 1 : trail[at + 1] === href ? at + 1 : trail.indexOf(href);
      if (made.steps < 0) this.begin(href);
      else made.href = href;
      const shown = this.read();
      if (shown) changed(leaving ? null : shown);
    };
    addEventListener("popstate", listen);
    return () => removeEventListener("popstate", listen);
  }

  /**
   * The view is closed: the page has its address back, and its history as it was, but for one that may be on its way to
   * another page, which goes on from where it stands.
   */
  leave(): void {
    if (this.made.steps && this.made.href === location.href && this.host.isConnected) this.made.leave();
    else this.write({ filters: {} });
  }
}
