/**
 * Reports that this browser has sent: number and day for some months, in localStorage. The private links, by which
 * anybody could act in the author's place, stay in sessionStorage until the tab is closed, as contacts of drafts do.
 */

import { json } from "../../shared/json.ts";
import { ignoreErrors } from "../../shared/storage.ts";

export interface Sent {
  number: number;
  /** When it was received, in milliseconds. */
  at: number;
}

/** Milliseconds that a number is remembered. */
const LIFETIME = 90 * 86_400_000;
/** Each is asked for when they are shown. */
const MOST = 10;

const nameOf = (key: string) => `igrajdanin:${key}:sent`;
/** Other scripts of the page may have written there too. */
const read = <T>(storage: () => Storage, key: string): Partial<T> =>
  ignoreErrors(() => JSON.parse(storage().getItem(nameOf(key))!) as T | null) || {};

function write(key: string, sent: Sent[], links: Partial<Record<string, string>>): void {
  const name = nameOf(key);
  const keep = (storage: () => Storage, empty: boolean, value: unknown) =>
    ignoreErrors(() => (empty ? storage().removeItem(name) : storage().setItem(name, json(value))));
  keep(() => localStorage, !sent[0], { sent });
  keep(() => sessionStorage, !Object.keys(links)[0], links);
}

/** The private links that this tab has been given, by number. */
export const linksTo = (key: string): Partial<Record<string, string>> => read(() => sessionStorage, key);

/** The reports to a site, the latest first. Erases those that are too old. */
export function sentTo(key: string, now = Date.now()): Sent[] {
  const { sent } = read<{ sent: Sent[] }>(() => localStorage, key);
  const all = Array.isArray(sent) ? sent : [];
  const fresh = all.filter(one => one && one.number > 0 && now - one.at < LIFETIME);
  if (fresh.length < all.length) write(key, fresh, linksTo(key));
  return fresh;
}

export function remember(key: string, number: number, link: string | null | undefined, now = Date.now()): void {
  const others = sentTo(key, now).filter(one => one.number !== number);
  write(key, [{ number, at: now }, ...others].slice(0, MOST), { ...linksTo(key), ...(link && { [number]: link }) });
}

/** Erases one, or all. */
export function forget(key: string, number?: number): void {
  const { [number!]: _, ...links } = linksTo(key);
  write(key, number ? sentTo(key).filter(one => one.number !== number) : [], number ? links : {});
}
