/** The build gives this to chunks: the document of the core. */
export { document } from "../shared/document.ts";
