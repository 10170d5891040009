/** Lets `node --test` load the widget's TypeScript through esbuild, JSON and styles as modules. */
import { register } from "node:module";
register("./hooks.mjs", import.meta.url);
