/** The chunk of the extended widget: the city's problems, with which it opens. */

import beside from "../shared/ui/beside.css";
import own from "./browse.css";

/** Written in by the build: of the chunks that may follow. */
declare const HASHES: Record<string, string>;

export const hashes = HASHES;
export const styles = beside + own;
export { View } from "./view.tsx";
