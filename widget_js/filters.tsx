/** The chunk of the further filters: comes when somebody opens them, or when something is chosen already. */

import type { Texts } from "./i18n.ts";
import styles from "./filters/filters.css";

/** Written in by the build: the `filters` part of the language's texts, at its places. */
declare const TEXTS: Partial<Texts>;

export const texts = TEXTS;
export const sheet = new CSSStyleSheet();
sheet.replaceSync(styles);
export { Chosen } from "./filters/chosen.tsx";
export { Fields } from "./filters/fields.tsx";
