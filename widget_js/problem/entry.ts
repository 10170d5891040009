/** The chunk of one problem as a whole: comes when somebody opens one. */

import timeline from "../shared/ui/timeline.css";
import own from "./problem.css";

export const styles = timeline + own;
export { ProblemView } from "./view.tsx";
