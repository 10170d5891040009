/** The chunk of one problem as a whole: comes when somebody opens one. */

import type { Texts } from "./i18n.ts";
import timeline from "./parts/timeline.css";
import styles from "./problem/problem.css";

/** Written in by the build: the `problem` part of the language's texts, at its places. */
declare const TEXTS: Partial<Texts>;

export const texts = TEXTS;
export const sheet = new CSSStyleSheet();
sheet.replaceSync(timeline + styles);
export { ProblemView } from "./problem/problem.tsx";
