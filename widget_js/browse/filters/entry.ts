/** The chunk of the further filters: comes when somebody opens them, or when something is chosen already. */

export { default as styles } from "./filters.css";
export { Chosen } from "./chosen.tsx";
export { Fields } from "./fields.tsx";
