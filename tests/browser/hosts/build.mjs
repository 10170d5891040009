// Bundle every application of this folder into the folder that is given: `node build.mjs OUT`.
import { readFile } from "node:fs/promises";
import { build } from "esbuild";
import { compile } from "svelte/compiler";

const here = new URL(".", import.meta.url).pathname;
const svelte = {
  name: "svelte",
  setup({ onLoad }) {
    onLoad({ filter: /\.svelte$/ }, async ({ path }) => {
      const { js, warnings } = compile(await readFile(path, "utf8"), { filename: path, dev: true });
      return { contents: js.code, warnings: warnings.map(({ message }) => ({ text: message })) };
    });
  },
};

await build({
  entryPoints: {
    react: `${here}react/main.jsx`, vue: `${here}vue/main.js`, svelte: `${here}svelte/main.js`, angular: `${here}angular/main.ts`,
  },
  outdir: process.argv[2],
  bundle: true,
  format: "esm",
  target: "es2022",
  // Frameworks complain in the console about what they are given only as long as somebody develops with them.
  conditions: ["development"],
  define: {
    "process.env.NODE_ENV": '"development"',
    __VUE_OPTIONS_API__: "false", __VUE_PROD_DEVTOOLS__: "false", __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: "false",
  },
  plugins: [svelte],
  logLevel: "warning",
});
