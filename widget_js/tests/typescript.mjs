/** Lets `node --test` load the widget's TypeScript, and JSON as modules, through esbuild. */
import { register } from "node:module";
register("./hooks.mjs", import.meta.url);
