/** The chunk of the charts: comes when somebody wants the figures in full. */

export { default as styles } from "./figures.css";
export { Charts } from "./charts.tsx";
