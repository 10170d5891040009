/** The chunk of unsent reports: comes when this browser has stored some. */

export const styles = "";
export { Notice } from "./notice.tsx";
export { createUnsent } from "./unsent.ts";
