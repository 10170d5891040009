/** The chunk of one problem as a whole: comes when somebody opens one. */

import { styleSheet } from "../shared/styles.ts";
import timeline from "../shared/ui/timeline.css";
import styles from "./problem.css";

export const sheet = styleSheet(timeline + styles);
export { ProblemView } from "./view.tsx";
