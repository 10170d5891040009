/**
 * Unsent reports in this browser: their texts for a day, contacts only as long as the session of the tab.
 *
 * Each form has a record of its own, so that tabs do not overwrite each other. What belongs to a record has its name:
 * the text in localStorage, the contacts in sessionStorage, the pictures in a database (photos/store.ts). An item in
 * sessionStorage makes a record the tab's own, which goes on after a reload. A duplicated tab gets a copy of
 * sessionStorage, and nothing tells it from a reload. So whoever takes up a record becomes its holder, and a form that
 * finds another holder in its record goes on under a new name.
 */

import type { Report } from "../shared/contract.ts";
import { json } from "../shared/json.ts";
import { randomKey } from "../shared/key.ts";
import { ignoreErrors } from "../shared/storage.ts";
import { contacts, contentOf, type Contacts, type Draft, type Values } from "./values.ts";

const PREFIX = "igrajdanin:";

/** Up to 1.1.0 a site had one record, under its bare name, without `page`, `holder` and `written`. */
export interface Stored extends Omit<Draft, "values" | "written"> {
  /** When it was written, in milliseconds. */
  at: number;
  /** Which page it was begun on. */
  page?: string;
  holder?: string;
  /** Without contacts and consent. */
  values: Partial<Values>;
  written?: string[];
  /** It had contacts. */
  personal?: boolean;
}

/**
 * The contacts of a record, in sessionStorage: those typed, and those of the reports that may have arrived or wait,
 * which are repeated as they were; up to 1.1.0 the former alone.
 */
export type StoredContacts = Partial<Contacts> & Partial<Record<"sent" | "waits", Partial<Contacts>>>;

/** A record, as it can be gone on with. */
export interface Found {
  name: string;
  draft: Draft;
  page: string | undefined;
  writtenAt: number;
  /** It was written in this tab. */
  isOwn: boolean;
}

/** Names of the records that forms of this page hold: two widgets may belong to one site. */
export const held = new Set<string>();

const read = (name: string): Stored | undefined =>
  ignoreErrors(() => {
    const stored = JSON.parse(localStorage.getItem(name)!) as Stored | null;
    return stored && stored.values && stored.at ? stored : undefined;
  });

/** What of a draft is stored for a day: without contacts and consent. */
function publicOf({ values, sent, waits }: Draft): Pick<Stored, "values" | "sent" | "waits"> {
  const none = contacts(values, () => undefined);
  const strip = (one?: Report) => one && { ...one, ...none, ticket: undefined };
  return {
    values: { ...values, ...none, consent: undefined, publish: undefined },
    sent: strip(sent),
    waits: strip(waits)
  };
}

export class Drafts {
  /** Of the present record, in every kind of storage. */
  name = "";
  /** The present record has been written. */
  isStored = false;
  /** Names of the site's records begin with it. */
  readonly base: string;
  private readonly holder = randomKey();

  constructor(
    key: string,
    readonly now = Date.now
  ) {
    this.base = PREFIX + key;
    this.hold();
  }

  /** The records, of whatever site, that no form of this page holds; unsent/unsent.ts reads them. */
  others(): [name: string, stored: Stored][] {
    return (ignoreErrors(() => Object.keys(localStorage)) || [])
      .filter(name => name.startsWith(PREFIX) && !held.has(name))
      .flatMap(name => {
        const stored = read(name);
        return stored ? [[name, stored]] : [];
      });
  }

  /**
   * Writes the draft down. Returns its key, which is a new one where another tab has gone on with the record in another
   * way: both may be sent.
   */
  write(draft: Draft, page: string, writtenAt = this.now()): string {
    const of = (one?: Values | Report) => one && contacts(one as Contacts, text => text);
    const personal = json({
      ...of(draft.values),
      sent: of(draft.sent),
      waits: of(draft.waits)
    } satisfies StoredContacts);
    const stored: Stored = {
      ...draft,
      ...publicOf(draft),
      at: writtenAt,
      page,
      holder: this.holder,
      // One of them is written.
      personal: /:"[^"]/.test(personal)
    };
    const { sent, waits } = stored;
    if (this.isStored) {
      const found = read(this.name);
      if (!found || found.holder !== this.holder) {
        // Where the same may have been sent already the key stays, so that the service keeps one report of it.
        if (found && !sent && !waits && json(found.values) !== json(stored.values)) stored.id = randomKey();
        ignoreErrors(() => sessionStorage.removeItem(this.name));
        this.hold();
      }
    }
    ignoreErrors(() => {
      localStorage.setItem(this.name, json(stored));
      this.isStored = true;
      sessionStorage.setItem(this.name, personal);
    });
    return stored.id;
  }

  /** Removes the present record, unless another tab has gone on with it; the next one has another name. */
  erase(): void {
    if (this.isStored) {
      const found = read(this.name);
      if (found && found.holder !== this.holder) ignoreErrors(() => sessionStorage.removeItem(this.name));
      else this.remove(this.name);
    }
    this.hold();
  }

  /**
   * Removes each record of a report that has arrived: tabs that went on with it have one each. What was written in one
   * of them since stays.
   */
  forget(draft: Draft): void {
    this.erase();
    const arrived = Object.values(publicOf(draft)).map(contentOf);
    for (const [name, { id, waits, values }] of this.others())
      if (id === draft.id && arrived.includes(contentOf(waits || values))) this.remove(name);
  }

  /** Each kind of storage may be forbidden by itself. */
  remove(name: string): void {
    ignoreErrors(() => localStorage.removeItem(name));
    ignoreErrors(() => sessionStorage.removeItem(name));
    ignoreErrors(() => indexedDB.deleteDatabase(name));
  }

  /** The present record has been written, and no other tab has erased it or gone on with it since. */
  get isOurs(): boolean {
    const found = read(this.name);
    return !!found && found.holder === this.holder;
  }

  /** Leaves the present record as it is, to whoever finds it. */
  release(): void {
    held.delete(this.name);
  }

  /** Begins a record, or holds an earlier one. */
  hold(name = `${this.base}:${randomKey().slice(0, 8)}`): void {
    this.release();
    held.add(name);
    this.name = name;
    this.isStored = false;
  }
}
