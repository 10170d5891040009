/** The chunk of one problem as a whole: comes when somebody opens one. */

import { styleSheet } from "../shared/styles.ts";
import styles from "./problem.css";

export const sheet = styleSheet(styles);
export { ProblemView } from "./view.tsx";
