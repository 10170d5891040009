/** The chunk of the map: comes when somebody opens one. */

import type { Texts } from "./i18n.ts";
import styles from "./map/map.css";

/** Written in by the build: the `map` part of the language's texts, at its places. */
declare const TEXTS: Partial<Texts>;

export const texts = TEXTS;
export const sheet = new CSSStyleSheet();
sheet.replaceSync(styles);
export { CityMap } from "./map/city/city.tsx";
export { Picker } from "./map/picker.tsx";
