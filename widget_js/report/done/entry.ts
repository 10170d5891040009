/** The chunk of what follows a report: asked for beside the report itself. */

import { styleSheet } from "../../shared/styles.ts";
import timeline from "../../shared/ui/timeline.css";
import styles from "./done.css";

export const sheet = styleSheet(timeline + styles);
export { Done } from "./done.tsx";
