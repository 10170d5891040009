/**
 * The chunk of what the form needs later, or not at all: questions of categories, similar problems to support instead
 * of a report, what follows a report that was sent. One for all, since each costs the form a hash.
 */

import beside from "../shared/ui/beside.css";
import timeline from "../shared/ui/timeline.css";
import own from "./done/done.css";

export const styles = beside + timeline + own;
export { Done } from "./done/done.tsx";
export { Similar } from "./done/similar.tsx";
export { Questions } from "./questions/questions.tsx";
