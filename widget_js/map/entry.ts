/** The chunk of the map: comes when somebody opens one. */

import { styleSheet } from "../shared/styles.ts";
import styles from "./map.css";

export const sheet = styleSheet(styles);
export { CityMap } from "./overview/overview.tsx";
export { Picker } from "./picker.tsx";
