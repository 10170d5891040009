/** The chunk of collections: lists of the site beside its problems, where the element names some. */

import { styleSheet } from "../shared/styles.ts";
import styles from "./collection.css";

export const sheet = styleSheet(styles);
export { Collections } from "./collections.tsx";
