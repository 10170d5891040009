/** The chunk of the form: code only, so that a change of language keeps what is typed. */

import { addHashes } from "../shared/chunks.ts";
import { styleSheet } from "../shared/styles.ts";
import styles from "./report.css";

/** Written in by the build: of the chunks that may follow. */
declare const HASHES: Record<string, string>;

addHashes(HASHES);
export const sheet = styleSheet(styles);
export { Form as View } from "./form.tsx";
