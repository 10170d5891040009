/** The chunk of the photos: comes when somebody gets as far as adding one. */

import type { Texts } from "./i18n.ts";
import styles from "./photos/photos.css";

/** Written in by the build: the `photos` part of the language's texts, at its places. */
declare const TEXTS: Partial<Texts>;

export const texts = TEXTS;
export const sheet = new CSSStyleSheet();
sheet.replaceSync(styles);
export { Photos } from "./photos/section.tsx";
