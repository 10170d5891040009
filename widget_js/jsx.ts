/** What every JSX expression calls; the build adds this import to each file. */
export { Fragment, h } from "preact";
