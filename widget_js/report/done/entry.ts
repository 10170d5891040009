/** The chunk of what follows a report: asked for beside the report itself. */

import timeline from "../../shared/ui/timeline.css";
import own from "./done.css";

export const styles = timeline + own;
export { Done } from "./done.tsx";
