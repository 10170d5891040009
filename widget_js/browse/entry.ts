/** The chunk of the extended widget: the city's problems, with which it opens. */

import { addHashes } from "../shared/chunks.ts";
import { styleSheet } from "../shared/styles.ts";
import beside from "../shared/ui/beside.css";
import styles from "./browse.css";

/** Written in by the build: of the chunks that may follow. */
declare const HASHES: Record<string, string>;

addHashes(HASHES);
export const sheet = styleSheet(beside + styles);
export { View } from "./view.tsx";
