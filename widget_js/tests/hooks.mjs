import { readFile } from "node:fs/promises";
import { transform } from "esbuild";
import { changed } from "../build/leaflet.mjs";

const LOADERS = { ts: "ts", tsx: "tsx", json: "json", css: "css" };

const LEAFLET = "/leaflet/src/";

/** Leaflet's sources are written for bundlers, which know what ends in `.js`. */
export const resolve = (name, context, next) =>
  next((context.parentURL || "").includes(LEAFLET) && !name.endsWith(".js") ? name + ".js" : name, context);

export async function load(url, context, next) {
  if (url.includes(LEAFLET)) {
    const source = changed(url.split(LEAFLET)[1], await readFile(new URL(url), "utf8"));
    return { format: "module", source, shortCircuit: true };
  }
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
