/** The chunk of the form: code only, so that a change of language keeps what is typed. */

/** Written in by the build: of the chunks that may follow. */
declare const HASHES: Record<string, string>;

export const hashes = HASHES;
export { default as styles } from "./report.css";
export { Form as View } from "./form.tsx";
export { reportSession } from "./session.ts";
