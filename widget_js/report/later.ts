/**
 * The chunk of what the form needs later, or not at all: a word about personal data in the text, questions of
 * categories, similar problems to support instead of a report, what follows a report that was sent. One for all, since each costs the form a hash.
 */

import beside from "../shared/ui/beside.css";
import timeline from "../shared/ui/timeline.css";
import own from "./done/done.css";
import privacy from "./privacy/privacy.css";

export const styles = beside + timeline + own + privacy;
export { Done } from "./done/done.tsx";
export { Similar } from "./done/similar.tsx";
export { Described } from "./described.tsx";
