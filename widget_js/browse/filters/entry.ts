/** The chunk of the further filters: comes when somebody opens them, or when something is chosen already. */

import { styleSheet } from "../../shared/styles.ts";
import styles from "./filters.css";

export const sheet = styleSheet(styles);
export { Chosen } from "./chosen.tsx";
export { Fields } from "./fields.tsx";
