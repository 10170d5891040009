/** The chunk of what is wanted of a problem now and then: its photos large, a letter at each step, the discussion. */

export { default as styles } from "./discussion.css";
export { Comments } from "./comments.tsx";
export { EmailForm } from "./emailForm.tsx";
export { Follow } from "./follow.tsx";
export { printAlone } from "./print.ts";
export { Unsent } from "./unsent.tsx";
export { Viewer } from "./viewer.tsx";
export { support } from "../../shared/voices.ts";
