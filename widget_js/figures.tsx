/** The chunk of the charts: comes when somebody wants the figures in full. */

import type { Texts } from "./i18n.ts";
import styles from "./figures/figures.css";

/** Written in by the build: the `figures` part of the language's texts, at its places. */
declare const TEXTS: Partial<Texts>;

export const texts = TEXTS;
export const sheet = new CSSStyleSheet();
sheet.replaceSync(styles);
export { Charts } from "./figures/charts.tsx";
