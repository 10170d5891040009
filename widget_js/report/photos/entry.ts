/** The chunk of the photos: comes when somebody gets as far as adding one. */

import { styleSheet } from "../../shared/styles.ts";
import styles from "./photos.css";

export const sheet = styleSheet(styles);
export { Photos } from "./section.tsx";
