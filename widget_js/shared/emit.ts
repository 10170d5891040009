/** Tells the page what happens in the widget. */

export { emit } from "../loader/host.ts";
