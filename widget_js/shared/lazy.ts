/** Chunks that come when they are wanted. */

import { useLayoutEffect, useState } from "preact/hooks";
import type { Options } from "../loader/host.ts";
import { loaded, loadChunk } from "./chunks.ts";
import { addTexts } from "./dictionaries.ts";
import type { Part } from "./i18n.ts";
import { useSite } from "./site.ts";
import { addSheet } from "./styles.ts";

/** Written in by the build: the part of the dictionary that a chunk speaks by, where it is not `later`. */
declare const PARTS: Record<string, Part | undefined>;
/** What `useLazy` gives of a chunk. `failed` until the next `load`, which tries again. */
export interface Lazy<T> {
  chunk: T | undefined;
  failed: boolean;
  load: () => Promise<T | undefined>;
}

export async function loadWithTexts(name: string, { service, lang }: Options): Promise<any> {
  const [chunk] = await Promise.all([loadChunk(name), addTexts(service, lang, PARTS[name] || "later")]);
  return chunk;
}

/**
 * A chunk that comes with its texts and its styles once it `isWanted`, or by `load`; where it is here already, it is
 * given without a wait.
 */
export function useLazy<T extends object>(name: string, isWanted = false): Lazy<T> {
  const { host, options } = useSite();
  const adoptStyles = (chunk: T & { sheet: CSSStyleSheet }) => {
    addSheet(host.shadowRoot!, chunk.sheet);
    return chunk;
  };
  const [{ chunk, failed }, set] = useState<{ chunk?: T; failed?: boolean }>(() => {
    const here = loaded[name];
    // Adds the texts at once if they are here too; else nothing is here yet.
    return here && !addTexts(options.service, options.lang, PARTS[name] || "later") ? { chunk: adoptStyles(here) } : {};
  });
  const load = async () => {
    set(before => (before.failed ? { ...before, failed: false } : before));
    try {
      const found = adoptStyles(await loadWithTexts(name, options));
      set({ chunk: found });
      return found;
    } catch {
      set(before => ({ ...before, failed: true }));
      return;
    }
  };
  useLayoutEffect(() => {
    if (isWanted && !chunk) void load();
  }, [isWanted]);
  return { chunk, failed: !!failed && !chunk, load };
}
