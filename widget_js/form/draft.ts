/** What was typed survives a closed tab: the text for a day, contacts only as long as the tab's session. */

import type { Report } from "../contract.ts";
import { json } from "../parts/json.ts";
import { contacts, empty, type Contacts, type Values } from "./values.ts";

const DAY = 86_400_000;

/** `id` is the Idempotency-Key; `sent` is a report that went out and whose fate is unknown. */
export interface Draft { values: Values; id: string; sent?: Report | undefined }
interface Stored { at: number; id: string; values: Omit<Values, keyof Contacts | "consent" | "publish">; sent?: Report }

/** Works on http hosts too, where crypto.randomUUID does not exist. */
export const randomKey = (): string =>
  [...crypto.getRandomValues(new Uint8Array(16))].map(byte => byte.toString(16).padStart(2, "0")).join("");

/** Storage may be forbidden or full: then the draft lives in memory only. */
function quietly<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return;
  }
}

export class Drafts {
  constructor(private readonly name: string, private readonly now = Date.now) {}

  load(): Draft | undefined {
    return quietly(() => {
      const { at, id, values, sent } = JSON.parse(localStorage.getItem(this.name)!) as Stored;
      if (this.now() - at > DAY) return this.erase();
      const personal = JSON.parse(sessionStorage.getItem(this.name) || "{}") as Contacts;
      const all = { ...empty, ...values, ...personal };
      return { id, values: all, sent: sent && { ...sent, ...contacts(all) } };
    }) || undefined;
  }

  save({ id, values, sent }: Draft): void {
    const { email, name, phone, consent: _, publish: __, ...rest } = values;
    const nothing = { email: undefined, name: undefined, phone: undefined, ticket: undefined };
    quietly(() => sessionStorage.setItem(this.name, json({ email, name, phone })));
    quietly(() => localStorage.setItem(this.name, json({ at: this.now(), id, values: rest, sent: sent && { ...sent, ...nothing } })));
  }

  erase(): void {
    quietly(() => localStorage.removeItem(this.name));
    quietly(() => sessionStorage.removeItem(this.name));
  }
}
