/** The chunk of what follows a report: asked for beside the report itself. */

export { Done } from "./done.tsx";
