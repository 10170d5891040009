/** The chunk of what is wanted of a problem now and then: its photos large, a letter at each step, the discussion. */

import type { Texts } from "./i18n.ts";
import styles from "./problem/talk.css";

/** Written in by the build: the `talk` part of the language's texts, at its places. */
declare const TEXTS: Partial<Texts>;

export const texts = TEXTS;
export const sheet = new CSSStyleSheet();
sheet.replaceSync(styles);
export { Comments } from "./problem/comments.tsx";
export { Follow } from "./problem/follow.tsx";
export { printAlone } from "./problem/print.ts";
export { Unsent } from "./problem/unsent.tsx";
export { Viewer } from "./problem/viewer.tsx";
export { support } from "./problem/voices.ts";
