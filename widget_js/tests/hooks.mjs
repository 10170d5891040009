import { readFile } from "node:fs/promises";
import { transform } from "esbuild";
import { changed } from "../build/leaflet.mjs";

const LOADERS = { ts: "ts", tsx: "tsx", json: "json", css: "css" };

const LEAFLET = "/leaflet/src/";

/**
 * `?again` of a module goes on to those that it imports, and to theirs: each begins anew with its state. Leaflet's
 * sources are written for bundlers, which know what ends in `.js`.
 */
export async function resolve(specifier, context, next) {
  const { parentURL = "" } = context;
  const { search = "" } = specifier[0] === "." && parentURL ? new URL(parentURL) : {};
  const name = parentURL.includes(LEAFLET) && !specifier.endsWith(".js") ? specifier + ".js" : specifier;
  return next(name.includes("?") ? name : name + search, context);
}

async function sourceOf(url, loader) {
  const text = await readFile(url, "utf8");
  if (url.pathname.includes(LEAFLET)) return changed(url.pathname.split(LEAFLET)[1], text);
  if (loader === "css") return "export default " + JSON.stringify(text);
  if (loader !== "json")
    return (await transform(text, { loader, jsx: "automatic", jsxImportSource: "preact", sourcemap: "inline" })).code;
  const members = Object.entries(JSON.parse(text));
  return (
    members.map(([name, value]) => `export const ${name} = ${JSON.stringify(value)};`).join("") +
    "export default " +
    text
  );
}
const sources = new Map();

export async function load(address, context, next) {
  const url = new URL(address);
  const isOurs = url.protocol === "file:" && !address.includes("node_modules");
  const loader = address.includes(LEAFLET) || (isOurs && LOADERS[url.pathname.split(".").pop()]);
  if (!loader) return next(address, context);
  url.search = "";
  if (!sources.has(url.href)) sources.set(url.href, await sourceOf(url, loader));
  return { format: "module", source: sources.get(url.href), shortCircuit: true };
}
