/** The chunk of what follows a report: asked for beside the report itself. */

import type { Texts } from "./i18n.ts";
import styles from "./parts/timeline.css";

/** Written in by the build: the `done` part of the language's texts, at its places. */
declare const TEXTS: Partial<Texts>;

export const texts = TEXTS;
export const sheet = new CSSStyleSheet();
sheet.replaceSync(styles);
export { Done } from "./form/done.tsx";
