// Bundle one application of this folder: `node build.mjs react OUT`. All but React need this folder's own packages,
// which `make test-full` installs.
import { readFile } from "node:fs/promises";
import { build } from "esbuild";

const [framework, out] = process.argv.slice(2);
const here = new URL(".", import.meta.url).pathname;
const sources = { react: "main.jsx", vue: "main.js", svelte: "main.js", angular: "main.ts" };
const svelte = {
  name: "svelte",
  async setup({ onLoad }) {
    if (framework !== "svelte") return;
    const { compile } = await import("svelte/compiler");
    onLoad({ filter: /\.svelte$/ }, async ({ path }) => {
      const { js, warnings } = compile(await readFile(path, "utf8"), { filename: path, dev: true });
      return { contents: js.code, warnings: warnings.map(({ message }) => ({ text: message })) };
    });
  },
};

await build({
  entryPoints: { [framework]: `${here}${framework}/${sources[framework]}` },
  outdir: out,
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
