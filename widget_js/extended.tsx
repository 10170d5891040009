/** The chunk of the extended view: what only it needs. */

export { List } from "./list/list.tsx";
export { ProblemView } from "./problem/problem.tsx";
