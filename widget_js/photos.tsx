/** The chunk of the photos: comes when somebody adds one, or a draft holds some. */

import type { Texts } from "./i18n.ts";

/** Written in by the build: the `photos` part of the language's texts, at its places. */
declare const TEXTS: Partial<Texts>;

export const texts = TEXTS;
