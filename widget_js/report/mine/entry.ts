/**
 * The chunk of what this browser knows of reports of its own: unsent ones, which the form goes on with, and «Мои
 * сообщения». Comes when some are stored, or when that is pressed.
 */

export { default as styles } from "./mine.css";
export { Mine as View } from "./mine.tsx";
export { Notice } from "../unsent/notice.tsx";
export { createUnsent } from "../unsent/unsent.ts";
