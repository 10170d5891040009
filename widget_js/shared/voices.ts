/** «У меня тоже»: which problems this browser has given its voice to, and how it gives one. */

import type { Site } from "./site.ts";
import { randomKey } from "./key.ts";
import { ignoreErrors } from "./storage.ts";
import { post } from "./post.ts";

const at = ({ options: { key } }: Pick<Site, "options">) => "igrajdanin:voices:" + key;

export const voices = (site: Pick<Site, "options">): string[] =>
  (ignoreErrors(() => localStorage.getItem(at(site))) || "").split(",");

/** An entry that this browser has given a voice to as well. */
export const remember = (site: Pick<Site, "options">, number: number): void => {
  ignoreErrors(() => localStorage.setItem(at(site), [...voices(site), number].filter(Boolean).join()));
};

/** This browser: its voice counts once. */
function supporter(): string {
  const name = "igrajdanin";
  const known = ignoreErrors(() => localStorage.getItem(name)) || randomKey();
  ignoreErrors(() => localStorage.setItem(name, known));
  return known;
}

/** How many have said so by then. */
export async function support(site: Site, number: number): Promise<number> {
  const { supporters } = await post<{ supporters: number }>(site, `/problems/${number}/support`, {
    supporter: supporter()
  });
  remember(site, number);
  return supporters;
}
