/** What was typed survives a closed tab: the text for a day, contacts only as long as the tab's session. */

import type { Report } from "../contract.ts";
import { empty, type Contacts, type Values } from "./values.ts";

const DAY = 86_400_000;

/** `id` is the Idempotency-Key; `sent` is a report that went out and whose fate is unknown. */
export interface Draft { values: Values; id: string; sent?: Report }
interface Stored { at: number; id: string; values: Omit<Values, keyof Contacts | "consent" | "publish">; sent?: Report }

/** Works on http hosts too, where crypto.randomUUID does not exist. */
export const randomKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, "0")).join("");

/** Storage may be forbidden or full: then the draft lives in memory only. */
function quietly<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

export class Drafts {
  private readonly name: string;

  constructor(key: string, private readonly now = Date.now) {
    this.name = "igrajdanin:" + key;
  }

  load(): Draft | null {
    return quietly(() => {
      const stored = JSON.parse(localStorage.getItem(this.name) || "null") as Stored | null;
      if (!stored) return null;
      if (this.now() - stored.at > DAY) {
        this.erase();
        return null;
      }
      const contacts = JSON.parse(sessionStorage.getItem(this.name) || "{}") as Partial<Contacts>;
      const sent = stored.sent && { ...stored.sent, ...reported(contacts) };
      return { id: stored.id, values: { ...empty, ...stored.values, ...contacts }, ...(sent && { sent }) };
    }) ?? null;
  }

  save({ id, values, sent }: Draft): void {
    const { category, description, address, coordinates, answers, email, name, phone } = values;
    const anonymous = sent && { ...sent };
    if (anonymous) {
      delete anonymous.email;
      delete anonymous.name;
      delete anonymous.phone;
      delete anonymous.ticket;
    }
    quietly(() => sessionStorage.setItem(this.name, JSON.stringify({ email, name, phone })));
    quietly(() => localStorage.setItem(this.name, JSON.stringify({
      at: this.now(), id, values: { category, description, address, coordinates, answers }, sent: anonymous,
    })));
  }

  erase(): void {
    quietly(() => localStorage.removeItem(this.name));
    quietly(() => sessionStorage.removeItem(this.name));
  }
}

const reported = (contacts: Partial<Contacts>): Partial<Contacts> =>
  Object.fromEntries(Object.entries(contacts).map(([name, value]) => [name, value.trim()]).filter(([, value]) => value));
