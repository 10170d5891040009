/** The chunk of the questions that categories ask: comes with the configuration of a site that has some. */

export const styles = "";
export { Questions } from "./questions.tsx";
