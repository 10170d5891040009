/** The chunk of what follows a report: asked for beside the report itself. */

import { styleSheet } from "../../shared/styles.ts";
import timeline from "../../shared/ui/timeline.css";

export const sheet = styleSheet(timeline);
export { Done } from "./done.tsx";
