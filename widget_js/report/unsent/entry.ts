/** The chunk of unsent reports: comes when this browser has stored some. */

export { default as styles } from "./unsent.css";
export { Notice } from "./notice.tsx";
export { createUnsent } from "./unsent.ts";
