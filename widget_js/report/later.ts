/**
 * The chunk of what the form needs later, or not at all: a word about personal data in the text, questions of
 * categories, addresses, what the service says of a place, similar problems to support instead of a report, what
 * follows a report that was sent. One for all, since each costs the form a hash.
 */

import beside from "../shared/ui/beside.css";
import timeline from "../shared/ui/timeline.css";
import address from "./address/address.css";
import own from "./done/done.css";
import privacy from "./privacy/privacy.css";
import similar from "./similar/similar.css";

/** Written in by the build: of the chunk that follows a support. */
declare const HASHES: Record<string, string>;

export const hashes = HASHES;
export const styles = beside + timeline + address + own + privacy + similar;
export { Address, Meant } from "./address/address.tsx";
export { Area } from "./area.tsx";
export { Done } from "./done/done.tsx";
export { Joined } from "./similar/joined.tsx";
export { Similar } from "./similar/similar.tsx";
export { Described } from "./described.tsx";
