/** Chunks that come when they are wanted: the map, the photos. */

import { useEffect, useState } from "preact/hooks";
import { useSite } from "./site.ts";
import type { Texts } from "../i18n.ts";

/** Written in by the build: how the address of every chunk ends. */
declare const ENDING: string;

interface Later { map: typeof import("../map.tsx"); photos: typeof import("../photos.tsx") }
type Chunk = { texts: Partial<Texts>; sheet?: CSSStyleSheet };

/**
 * A chunk, where it is here. `load` brings it: its texts join those of the language and its styles those of the widget.
 * `failed` until the next `load`, which tries again. Another language brings it anew.
 */
export function useLater<Name extends keyof Later>(name: Name) {
  const { host, language: { texts, locale } } = useSite();
  const [state, set] = useState<{ of?: Texts; chunk?: Later[Name]; failed?: boolean }>({});
  const load = async () => {
    set({});
    // Named first: the bundler takes a template inside import() for a pattern of files to bundle.
    const file = `./${name}-${locale.slice(0, 2)}${ENDING}`;
    try {
      const chunk = await import(file) as Later[Name];
      const { texts: more, sheet } = chunk as Chunk;
      Object.assign(texts, more);
      if (sheet) host.shadowRoot!.adoptedStyleSheets = [...host.shadowRoot!.adoptedStyleSheets, sheet];
      set({ of: texts, chunk });
    } catch {
      set({ failed: true });
    }
  };
  useEffect(() => {
    if (state.of && state.of !== texts) void load();
  });
  return { ...state, chunk: state.of === texts ? state.chunk : undefined, load };
}
