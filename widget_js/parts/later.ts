/** Chunks that come when they are wanted. */

import { useEffect, useState } from "preact/hooks";
import { chunk } from "../chunk.ts";
import type { Host } from "../host.ts";
import type { Texts } from "../i18n.ts";
import { kit } from "../kit.ts";
import { useSite } from "./site.ts";

interface Later {
  done: typeof import("../done.tsx"); form: typeof import("../form.tsx"); map: typeof import("../map.tsx");
  filters: typeof import("../filters.tsx"); figures: typeof import("../figures.tsx"); photos: typeof import("../photos.tsx"); problem: typeof import("../problem.tsx");
  talk: typeof import("../talk.tsx");
}
/** What a chunk may bring beside its code. */
export interface Chunk { texts?: Partial<Texts>; sheet?: CSSStyleSheet }
/** The file of a chunk: a function of what it takes from those that are there. */
export interface File<Made> { default: ((given: typeof kit) => Made) & { made?: Made } }

/** What the file holds, made once; those that follow may take from it too. */
export function made<Made extends object>({ default: make }: File<Made>): Made {
  if (!make.made) Object.assign(kit, make.made = make(kit));
  return make.made!;
}

/** Beside this file, whichever it is (basic.tsx, widget.tsx). */
const folder = /* @__PURE__ */ new URL(".", import.meta.url).href;

/** The form alone speaks by the texts that are there already. */
const bring = <Name extends keyof Later>(name: Name, locale: string): Promise<Later[Name]> =>
  chunk(name === "form" ? name : `${name}-${locale.slice(0, 2)}`, folder).then(made<any>);

/** Puts the chunk's styles after those that are there. */
export function wear({ shadowRoot }: Host, { sheet }: Chunk): void {
  const worn = shadowRoot!.adoptedStyleSheets;
  if (sheet && !worn.includes(sheet)) shadowRoot!.adoptedStyleSheets = [...worn, sheet];
}

/** For the control that will want the chunk: it starts on its way when a pointer, a finger or the focus comes near. */
export function warm(name: keyof Later, locale: string) {
  const act = () => void bring(name, locale).catch(() => {});
  return { onPointerEnter: act, onFocus: act };
}

/**
 * A chunk, where it is here. `load` brings it: its texts join those of the language and its styles those of the widget.
 * `failed` until the next `load`, which tries again. Another language brings its texts only: the code that is there goes
 * on, and what was typed or opened in it stays; what writes its words but once, as a map does, is drawn anew.
 */
export function useLater<Name extends keyof Later>(name: Name) {
  const { host, language: { texts, locale } } = useSite();
  const [{ of, come, chunk, failed }, set] = useState<{ of?: Texts; come?: Texts | undefined; chunk?: Later[Name] | undefined; failed?: boolean }>({});
  const load = async () => {
    set({ of: texts, come, chunk });
    try {
      const found = await bring(name, locale);
      Object.assign(texts, (found as Chunk).texts);
      wear(host, found);
      set({ of: texts, come: texts, chunk: chunk || found });
      return found;
    } catch {
      set({ of: texts, come: texts, chunk, failed: !chunk });
      return;
    }
  };
  const stale = of && of !== texts;
  // Until the others are here, those of before stand in.
  if (stale && chunk) Object.assign(texts, { ...(chunk as Chunk).texts, ...texts });
  useEffect(() => {
    if (stale) void load();
  });
  return { chunk: come === texts || name !== "map" && name !== "photos" ? chunk : undefined, failed, load };
}
