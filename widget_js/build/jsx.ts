/** The build gives this to chunks: what JSX becomes. */
export { Fragment, h } from "preact";
