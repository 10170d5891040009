/** The chunk of the extended view: what only it needs. */

import type { Texts } from "./i18n.ts";
import styles from "./list/list.css";

/** Written in by the build: the `list` part of the language's texts, at its places. */
declare const TEXTS: Partial<Texts>;

export const texts = TEXTS;
export const sheet = new CSSStyleSheet();
sheet.replaceSync(styles);
export { List } from "./list/list.tsx";
export { ProblemView } from "./problem/problem.tsx";
