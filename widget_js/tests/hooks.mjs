import { readFile } from "node:fs/promises";
import { transform } from "esbuild";

const LOADERS = { ts: "ts", tsx: "tsx", json: "json", css: "css" };

export async function load(url, context, next) {
  const loader = url.startsWith("file:") && !url.includes("node_modules") && LOADERS[url.split(".").pop()];
  if (!loader) return next(url, context);
  const text = await readFile(new URL(url), "utf8");
  const source =
    loader === "css"
      ? "export default " + JSON.stringify(text)
      : loader === "json"
        ? Object.entries(JSON.parse(text))
            .map(([name, value]) => `export const ${name} = ${JSON.stringify(value)};`)
            .join("") +
          "export default " +
          text
        : (await transform(text, { loader, jsx: "automatic", jsxImportSource: "preact", sourcemap: "inline" })).code;
  return { format: "module", source, shortCircuit: true };
}
