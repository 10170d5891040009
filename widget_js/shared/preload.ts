/** Chunks that are on their way before they are wanted. */

import { loadWithTexts } from "./lazy.ts";
import type { Site } from "./site.ts";

/** For the control that will want the chunk: it starts on its way when a pointer, a finger or the focus comes near. */
export function preloadOn({ options }: Pick<Site, "options">, name: string) {
  const preload = () => void loadWithTexts(name, options).catch(() => {});
  return { onPointerEnter: preload, onFocus: preload };
}
