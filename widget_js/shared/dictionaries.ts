/** The texts of all widgets of the page: by language, part after part as the chunks that speak them are wanted. */

import { expire } from "../loader/timeouts.ts";
import { folder } from "./chunks.ts";
import type { Part, Texts } from "./i18n.ts";

/** Written in by the build: «1.1.0/», and the hash in the names of this build's texts. */
declare const RELEASE: string;
declare const TEXTS: string;

const dictionaries: Record<string, Partial<Texts>> = {};
const loading: Record<string, Promise<void>> = {};
const loaded = new Set<string>();
/** Parts that some widget has asked for: a change of language brings them all before it shows. */
const wanted = new Set<Part>();

async function fetchJson(address: string): Promise<Partial<Texts>> {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return answer.json() as Promise<Partial<Texts>>;
}

/** Where the municipality serves the files itself, its policy may name the service alone. */
const fetchTexts = (service: string, file: string): Promise<Partial<Texts>> =>
  fetchJson(folder + file).catch(() => fetchJson(`${service}/w/${RELEASE}${file}`));

/** Adds a part; without a wait where it is here already. `early`: what the loader has asked for. */
export function addTexts(
  service: string,
  lang: string,
  part: Part,
  requested?: Promise<Response | void>
): Promise<void> | void {
  wanted.add(part);
  const name = `${lang}-${part}`;
  if (loaded.has(name)) return;
  const bring = async () => {
    const answer = await requested;
    const file = `${name}-${TEXTS}.json`;
    // The loader of an earlier build may have asked for that build's texts.
    const texts =
      answer && answer.ok && answer.url === folder + file ? await answer.json() : await fetchTexts(service, file);
    dictionaries[lang] = Object.assign(dictionaries[lang] || {}, texts);
    loaded.add(name);
  };
  return (loading[name] =
    loading[name] ||
    expire(bring()).catch(error => {
      delete loading[name];
      throw error;
    }));
}

/** All parts in use, in this language. */
export const addLanguage = (service: string, lang: string): Promise<unknown> =>
  Promise.all([...wanted].map(part => addTexts(service, lang, part)));

/** Whether these parts are here: without a word, all in use. */
export const hasTexts = (lang: string, parts: Iterable<Part> = wanted): boolean =>
  [...parts].every(part => loaded.has(`${lang}-${part}`));

export const textsOf = (lang: string): Texts => dictionaries[lang] as Texts;
