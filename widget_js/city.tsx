/** The chunk of the extended widget: the city's problems, with which it opens. */

import type { Texts } from "./i18n.ts";
import styles from "./list/list.css";

export { City } from "./list/city.tsx";
export { Report, Turn } from "./list/turn.tsx";
// The chunks of one problem, of the discussion and of the further filters take these from here.
export { Chips, statusLabel } from "./list/chip.tsx";
export { Failed } from "./list/failed.tsx";
export { begins, period, today } from "./list/filters.ts";
export { refresh, useFollow } from "./list/follow.ts";

/** Written in by the build: the `list` part of the language's texts, at its places. */
declare const TEXTS: Partial<Texts>;

export const texts = TEXTS;
export const sheet = new CSSStyleSheet();
sheet.replaceSync(styles);
