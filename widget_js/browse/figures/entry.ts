/** The chunk of the charts: comes when somebody wants the figures in full. */

import { styleSheet } from "../../shared/styles.ts";
import styles from "./figures.css";

export const sheet = styleSheet(styles);
export { Charts } from "./charts.tsx";
