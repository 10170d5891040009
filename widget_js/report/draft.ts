/** What was typed survives a closed tab: the text for a day, contacts only as long as the tab's session. */

import type { VNode } from "preact";
import type { Report } from "../shared/contract.ts";
import { json } from "../shared/json.ts";
import { ignoreErrors } from "../shared/storage.ts";
import type { Outcome } from "./send.ts";
import { bare, contacts, empty, type Contacts, type Draft, type Values } from "./values.ts";

const DAY = 86_400_000;

/** What the chunk of the photos does for the form, once it is there. */
export interface Photos {
  add(files: Blob[]): void;
  /** Sends the report when all of them are there, and again where some had to be uploaded anew. */
  before(send: () => Promise<Outcome>): Promise<Outcome>;
  clear(): void;
  /** Stops what runs; the pictures stay in the draft. */
  stop(): void;
  /** What a report that waits for them shows. */
  Waiting(): VNode;
}
interface Stored extends Omit<Draft, "values"> {
  at: number;
  /** Without contacts and agreement. */
  values: Partial<Values>;
  personal?: boolean;
}

/** Milliseconds of rest before what is being typed is written down. */
const REST = 400;

export class Drafts {
  photos?: Photos;
  private unwritten: Draft | undefined;
  private timer?: ReturnType<typeof setTimeout>;

  constructor(
    readonly name: string,
    private readonly now = Date.now
  ) {}

  load(): Draft | undefined {
    return (
      ignoreErrors(() => {
        const { at, id, step, values, sent, waits, since, personal } = JSON.parse(
          localStorage.getItem(this.name)!
        ) as Stored;
        if (this.now() - at > DAY) return this.erase();
        const session = sessionStorage.getItem(this.name);
        const all = {
          ...empty,
          ...values,
          answers: bare(values.answers!),
          ...(JSON.parse(session || "{}") as Contacts)
        };
        const whole = (one?: Report) => one && { ...one, ...contacts(all) };
        // Without the contacts it had, it is not the report the person sent: they have to look at it again.
        const lost = personal && !session;
        return { id, step, values: all, sent: whole(sent), ...(!lost && { waits: whole(waits), since }) };
      }) || undefined
    );
  }

  /** Keeps the draft after a rest, or with the next `write`. */
  save(draft: Draft): void {
    this.unwritten = draft;
    clearTimeout(this.timer);
    this.timer = setTimeout(this.write, REST);
  }

  readonly write = (): void => {
    if (!this.unwritten) return;
    const { id, step, values, sent, waits, since } = this.unwritten;
    this.unwritten = undefined;
    const typed = contacts(values, text => text);
    const none = contacts(values, () => undefined);
    const bare = (one?: Report) => one && { ...one, ...none, ticket: undefined };
    const stored: Stored = {
      at: this.now(),
      id,
      step,
      values: { ...values, ...none, consent: undefined, publish: undefined },
      sent: bare(sent),
      waits: bare(waits),
      since,
      personal: Object.values(typed).some(Boolean)
    };
    ignoreErrors(() => {
      sessionStorage.setItem(this.name, json(typed));
      localStorage.setItem(this.name, json(stored));
    });
  };

  erase(): void {
    this.unwritten = undefined;
    if (this.photos) this.photos.clear();
    ignoreErrors(() => {
      localStorage.removeItem(this.name);
      sessionStorage.removeItem(this.name);
      indexedDB.deleteDatabase(this.name);
    });
  }
}
