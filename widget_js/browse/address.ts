/**
 * What is shown, in the page's address: `#igrajdanin?status=new&problem=12`, so that a view can be shared, and back and
 * forward work. The page is the host's: its path, its query and a hash of its own (a router's, an anchor's) are never
 * touched; the widget then simply remembers for itself. Of several widgets on a page the first has the address.
 */

import { useLayoutEffect, useMemo } from "preact/hooks";
import { isExtended, TAG } from "../loader/host.ts";
import { parse, query, type Filters } from "../shared/filters.ts";
import type { Session } from "../shared/session.ts";
import { useSite } from "../shared/site.ts";
import { isAhead, retrace, write } from "../shared/steps.ts";
import { Store, useStore } from "../shared/store.ts";

export interface Shown {
  filters: Filters;
  problem?: number | undefined;
  /** The slug of the collection. */
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

export class Address extends Store {
  shown: Shown = { filters: {} };
  /** The first of several collections, which the address need not name. */
  first: string | undefined;
  /** Opened by the way back or forward, the dialog closes by it. */
  private walked = false;
  private visible: boolean;
  /** Entries are found by their answers too; the service refuses that of problems. */
  private entries = false;
  /** The list is on screen. */
  private isShown = false;

  constructor(private readonly session: Session) {
    super();
    this.visible = session.isVisible;
    session.trail.follow(leaving => this.follow(leaving));
    session.subscribe(() => {
      if (this.visible === session.isVisible) return;
      this.visible = session.isVisible;
      this.settle();
    });
  }

  /** The list comes on screen, of problems or of entries: with what the page's address says. */
  begin(entries: boolean): this {
    if (this.isShown) return this;
    this.isShown = true;
    this.entries = entries;
    this.first = undefined;
    this.shown = this.read() || { filters: {} };
    return this;
  }

  /** `step`: back leads to what was shown before. */
  show(shown: Shown, step: boolean): void {
    this.shown = { collection: this.shown.collection, ...shown };
    this.write(step);
    this.changed();
  }

  /** A search or a filter is still being typed: it is no step of its own. */
  choose(filters: Filters, typed = false): void {
    // The text may be searched for when a problem was opened meanwhile: that one stays.
    this.show({ filters, problem: this.shown.problem }, !typed);
  }

  openProblem(problem: number): void {
    this.show({ filters: this.shown.filters, problem }, true);
  }

  closeProblem(): void {
    const { filters, collection } = this.shown;
    this.shown = { filters, collection };
    if (!retrace(this.session.trail, this.hash())) this.write();
    this.changed();
  }

  /** The list goes. */
  end(): void {
    this.isShown = false;
    this.leave();
  }

  /**
   * The page has its address back, and its history as it was, but for one that may be on its way to
   * another page, which goes on from where it stands.
   */
  leave(): void {
    const { trail, host } = this.session;
    if (isAhead(trail) && host.isConnected) trail.leave();
    else if (this.read() && location.hash) write(trail, "");
  }

  private hash(): string {
    const { collection } = this.shown;
    return hash({ ...this.shown, collection: collection === this.first ? undefined : collection });
  }

  /** The first extended widget of the page; one that was taken out may still take its leave. */
  private isMine(): boolean {
    const { host } = this.session;
    return !host.isConnected || [...document.querySelectorAll(TAG)].find(isExtended) === host;
  }

  /** What the address says to this widget, null where it says nothing to it. */
  private read(): Shown | null {
    const shown = this.isMine() ? read(location.hash) : null;
    if (shown && !this.entries) delete shown.filters.answers;
    return shown;
  }

  private write(step?: boolean): void {
    const wanted = this.hash();
    if (this.visible && this.read() && wanted !== location.hash) write(this.session.trail, wanted, step);
  }

  /** A dialog that is closed leaves the page's address as it was. */
  private settle(): void {
    if (this.visible) return this.write();
    this.walked = false;
    this.leave();
  }

  /** Back, forward or a followed link has led to another address. */
  private follow(leaving: boolean): void {
    const shown = this.read();
    if (!shown) return;
    if (leaving) return this.settle();
    const { session } = this;
    const { at, entries, stepBack } = session.trail;
    // «Назад», where the form lies over the list: what cannot be seen stays as it is.
    if (this.visible && session.view !== "browse" && stepBack && at < entries.length - 1) {
      stepBack();
      return this.write(true);
    }
    const empty = !hash(shown);
    if (!this.visible && empty) return;
    if (this.visible && empty && this.walked) return session.close();
    this.shown = { ...shown, collection: shown.collection || this.first };
    if (!this.visible) {
      this.walked = true;
      session.open({ view: "list" });
    }
    this.changed();
  }
}

/** The one that views of this widget share. A problem that the page asked for while it was not there comes after it. */
export const beginAddress = (session: Session, entries: boolean): Address =>
  session.part("address", () => new Address(session).begin(entries)).begin(entries);

/** Begins the address, and ends it with the component that shows the list; `entries`: of collections. */
export function useOwnAddress(entries: boolean): Address {
  const { session } = useSite();
  const address = useMemo(() => beginAddress(session, entries), []);
  useLayoutEffect(() => () => address.end(), []);
  return address;
}

/** The address that the list has begun. */
export const useAddress = (): Address => useStore(beginAddress(useSite().session, false));
