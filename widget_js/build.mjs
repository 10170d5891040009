/**
 * Builds dist/<version>/ and dist/manifest.json, byte for byte the same each time, and fails over a budget.
 *   --check   compares with what is committed instead of writing
 *   --keep    writes although a budget is exceeded
 *   --preact  with Preact itself in place of renderer.ts (never to be committed)
 */

import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync } from "node:zlib";
import { build, transform } from "esbuild";
import { minify } from "terser";
import { licences } from "./licences.mjs";
import { leaflet } from "./map/leaflet-plugin.mjs";

const SOURCE = dirname(fileURLToPath(import.meta.url));
const DIST = join(dirname(SOURCE), "dist");
/** Brotli bytes for one language, answers of the API aside. */
const BUDGETS = { loader: 2_000, basic: 26_000, extended: 33_000, map: 31_000 };
/** The part of a budget from which the build warns. */
const NEAR = 0.9;
/**
 * Chunks that come beside the widget's own or later. `texts`: the part of the texts that only it and its `folders` speak,
 * one file a language; without it, one file for all. `from`: chunks that are there before, whose modules it uses.
 */
const CHUNKS = {
  form: {},
  done: { texts: "done", folders: "done|form/done" },
  city: { texts: "list", folders: "list|problem|filters|figures" },
  problem: { texts: "problem", folders: "problem", from: ["city"] },
  talk: { texts: "talk", folders: "problem", from: ["city"] },
  filters: { texts: "filters", folders: "filters", from: ["city"] },
  figures: { texts: "figures", folders: "figures" },
  map: { texts: "map", folders: "map" },
  photos: { texts: "photos", folders: "photos" },
};
/** Modules that other chunks take from the one that has them, which exports what they need (kit.ts, city.tsx). */
const KIT = {
  widget: /^preact|\/(api|failures|hooks|host|json|later|site|storage)\.ts$|\/(field|icon|refusal|skeleton)\.tsx$/,
  city: /\/list\/(chip|failed|filters|follow)\.tsx?$/,
};
const TARGET = ["chrome73", "firefox101", "safari16.4"];
/**
 * Property names of our own that become one letter, in every chunk the same. None is a name of the browser, of the API's
 * JSON (checked below), of what is stored, or of what a chunk exports.
 */
const OWN = [
  "again", "busy", "config", "control", "current", "deps", "drafts", "drop", "earlier", "early", "extended",
  "drawn", "hooks", "item", "kids", "live", "node", "obtain", "optional", "outcome", "prepare", "props", "Provider", "receipt", 
  "service", "take", "theme", "tickets", "visible", "visit", "vnode", "waiting",
];

const option = name => process.argv.includes("--" + name);
const json = async path => JSON.parse(await readFile(path, "utf8"));
const hash = (algorithm, contents) => algorithm + "-" + createHash(algorithm).update(contents).digest("base64");
const { version } = await json(join(SOURCE, "../package.json"));
const VERSION = JSON.stringify("?v=" + version);

const contract = (await readFile(join(SOURCE, "contract.ts"), "utf8")).replace(/\/\*.*?\*\//gs, "");
const taken = OWN.find(name => new RegExp(`\\b${name}\\??:`).test(contract));
if (taken) throw new Error(`${taken} is a name of the API's JSON: it must stay`);
const mangleProps = new RegExp(`^(${OWN.join("|")})$`);

/** The custom properties of styles.css become their numbers in every sheet; those a host may set keep their names. */
const CUSTOM = /--(?!igw-)[a-z][a-z-]*(?=[:),])/g;
const properties = [...new Set((await readFile(join(SOURCE, "styles.css"), "utf8")).match(CUSTOM))];
const short = name => properties.includes(name) ? "--" + properties.indexOf(name).toString(36) : name;
/** Style sheets become texts: constructable ones are what a strict CSP lets through. */
const styles = async path =>
  (await transform(await readFile(path, "utf8"), { loader: "css", minify: true, charset: "utf8", target: TARGET })).code.trim()
    .replace(CUSTOM, short).replace(/(--[\w-]+)([:,]) /g, "$1$2");
const css = {
  name: "css",
  setup: ({ onLoad }) => onLoad({ filter: /\.css$/ }, async ({ path }) => ({ contents: await styles(path), loader: "text" })),
};
const codes = (await readdir(join(SOURCE, "locales"))).map(name => name.split(".")[0]).sort().reverse();
const texts = Object.fromEntries(await Promise.all(codes.map(async code => [code, await json(join(SOURCE, "locales", code + ".json"))])));
const later = Object.entries(CHUNKS).filter(([, { texts }]) => texts);
const parts = ["form", ...later.map(([, { texts }]) => texts)];
const keys = parts.flatMap(part => Object.keys(texts[codes[0]][part]));
if (new Set(keys).size < keys.length) throw new Error("two parts of the texts share a name");
/** Texts that a chunk brings: only its own folders may use them, and the frame, which knows whether the list is there. */
const reserved = later.map(([name, { texts: part, folders }]) =>
  [texts[codes[0]][part], new RegExp(`widget_js/(${folders}|${name}|widget)\\b`)]);
/** T.name becomes its number. */
const numbered = {
  name: "texts",
  setup: ({ onLoad }) => onLoad({ filter: /widget_js\/.*\.tsx?$/ }, async ({ path }) => {
    const source = await readFile(path, "utf8");
    return {
      loader: path.endsWith("x") ? "tsx" : "ts",
      contents: source.replace(/\bT\.([a-z]\w*)/g, (whole, key) => {
        if (!keys.includes(key)) throw new Error(`${path}: no text ${key}`);
        if (reserved.some(([own, folders]) => key in own && !folders.test(path))) throw new Error(`${path}: ${key} comes with another chunk`);
        return String(keys.indexOf(key));
      }),
    };
  }),
};
const ours = option("preact") ? {} : { preact: "./renderer.ts", "preact/hooks": "./renderer.ts" };
/** Stands for the common part of all chunks' names until they are there. */
const PENDING = "0HASH0";
/**
 * What a file brings it names by hash (chunk.ts): the loader what the widget opens with, that the rest. So whoever holds
 * the loader by its own hash holds everything.
 */
const digests = names => JSON.stringify(Object.fromEntries(names.map(name => [name, `sha256-{${name}}`])));
const digested = (code, files) => code.replace(/sha256-\{([\w-]+)\}/g, (_, name) => hash("sha256", files[name]));

/** What one build called its own names, the next ones do too. */
let mangleCache = {};
/** Every file that is in one of the bundles. */
const bundled = new Set();
/** terser after esbuild: three per cent less. */
async function squeeze(code) {
  const { code: smaller } = await minify(code, {
    module: true, ecma: 2018, compress: { ecma: 2018, passes: 2, conditionals: false }, format: { ecma: 2018, comments: false },
  });
  return smaller;
}

/** Class fields are shorter in the loader, assignments in the rest. */
async function bundle(entry, { fields = false, from, inject = [], ...options } = {}) {
  const { outputFiles: [output], mangleCache: names, metafile } = await build({
    absWorkingDir: SOURCE, entryPoints: [entry], outdir: "out", write: false, metafile: true,
    bundle: true, minify: true, minifyIdentifiers: !from, charset: "utf8", target: TARGET, format: "esm", legalComments: "none", logLevel: "warning",
    tsconfigRaw: { compilerOptions: { useDefineForClassFields: fields, jsx: "react", jsxFactory: "h", jsxFragmentFactory: "Fragment" } },
    alias: from ? {} : ours, plugins: [...from ? [kit(from)] : [list], css, numbered, leaflet], mangleProps, mangleCache,
    inject: ["document.ts", ...inject], ...options,
  });
  mangleCache = names;
  Object.keys(metafile.inputs).forEach(path => bundled.add(path));
  return squeeze(from ? wrap(output.text) : output.text);
}

/** What each of them hands over: the widget a list (kit.ts), the city what it exports. */
const names = async (file, pattern) => [...(await readFile(join(SOURCE, file), "utf8")).matchAll(pattern)].flatMap(([, found]) => found.trim().split(/,\s*/).filter(Boolean));
const HANDED = {
  widget: (await names("kit.ts", /const kit = \{([^}]*)\}/g)).map((name, place) => `$${place} as ${name}`),
  city: await names("city.tsx", /export \{([^}]*)\} from/g),
};
const list = {
  name: "list",
  setup: ({ onLoad }) => onLoad({ filter: /\/kit\.ts$/ }, async ({ path }) => ({
    loader: "ts", contents: (await readFile(path, "utf8")).replace(/(const kit = )\{([^}]*)\}/, "$1[$2]"),
  })),
};
/** The modules of KIT come from the chunks that have them. */
const kit = from => ({
  name: "kit",
  setup({ onResolve, onLoad }) {
    for (const name of ["widget", ...from]) onResolve({ filter: KIT[name] }, () => ({ path: name, namespace: "kit" }));
    onResolve({ filter: /^given$/ }, ({ path }) => ({ path, external: true }));
    onLoad({ filter: /./, namespace: "kit" }, ({ path }) => ({ contents: `export{${HANDED[path]}}from"given"` }));
  },
});
/** A chunk is a function of what it is given: imports become what it takes from that, exports what it returns. */
function wrap(code) {
  const pairs = text => text.split(",").map(one => one.split(" as "));
  let head = "", tail = "";
  const body = code.replace(/import\{([^}]*)\}from"given";?/g, (_, list) => {
    // Identifiers are still whole here, so that each occurrence counts.
    const wanted = pairs(list).filter(([, own]) => code.match(new RegExp(`(?<![\\w$])(?<!(?<!\\.\\.)\\.)${own.replace(/\$/g, "\\$")}(?![\\w$])`, "g")).length > 1);
    head += `const{${wanted.map(([name, own = name]) => name.replace("$", "") + ":" + own)}}=given;`;
    return "";
  }).replace(/export\{([^}]*)\};?/, (_, list) => {
    tail = `return{${pairs(list).map(([own, name = own]) => name + ":" + own)}}`;
    return "";
  });
  return `export default given=>{${head}${body};${tail}}`;
}

/** The texts of one part in a language, as an array: their places are those of the numbers above. */
const array = (code, part) => JSON.stringify(Object.keys(texts[codes[0]][part]).map(key => texts[code][part][key]));

const ENDING = JSON.stringify(`-${PENDING}.js`);
const LATER = Object.entries(CHUNKS).flatMap(([name, { texts }]) => name === "city" ? [] : texts ? codes.map(code => `${name}-${code}`) : name);
const FIRST = ["basic", "widget", ...codes.flatMap(code => [code, "city-" + code])];
const own = { inject: ["jsx.ts"], define: { ENDING, VERSION, HASHES: digests(LATER) } };
const chunks = { basic: await bundle("basic.tsx", own), widget: await bundle("widget.tsx", own) };
for (const [name, { texts: part, from = [] }] of Object.entries(CHUNKS)) {
  if (!part) chunks[name] = await bundle(name + ".tsx", { inject: ["jsx.ts"], from });
  else for (const code of codes) {
    const before = keys.indexOf(Object.keys(texts[code][part])[0]);
    const banner = { js: `const TEXTS=Array(${before}).concat(${array(code, part)});` };
    chunks[`${name}-${code}`] = await bundle(name + ".tsx", { inject: ["jsx.ts"], from, banner });
  }
}
for (const code of codes) {
  chunks[code] = (await transform(`export default ${array(code, "form")}`, { minify: true, charset: "utf8", target: TARGET })).code.trim();
}
/** A block keeps names to itself as a function does, where nothing in it is declared as one. */
const block = code => code.replace(/^\(\(\)=>\{(.*)\}\)\(\);?$/s, (whole, inner) => /(^|[;}])function /.test(inner) ? whole : `{${inner.replace(/^var /, "let ")}}`);
const pended = block(await bundle("loader.ts", {
  fields: true, format: "iife", mangleProps: /^_/, mangleCache: {},
  define: {
    FOLDER: JSON.stringify(`../${version}/`), VERSION, ENDING, HASHES: digests(FIRST), BUTTON_STYLES: JSON.stringify(await styles(join(SOURCE, "button.css"))),
    LABELS: JSON.stringify(Object.fromEntries(codes.map(code => [code, texts[code].form.title]))),
  },
}));
const together = createHash("sha256").update(JSON.stringify(chunks)).digest("hex").slice(0, 7);
const files = {};
for (const name of [...LATER, ...FIRST]) files[name] = digested(chunks[name].replaceAll(PENDING, together), files);
const loader = digested(pended.replaceAll(PENDING, together), files);
const named = name => `${name}-${together}.js`;

/** The host's part of the iframe, for whoever cannot have the widget itself. */
const frame = await bundle("frame.ts", { format: "iife" });

const contents = { "loader.js": loader, "frame.js": frame, "LICENSES.txt": await licences([...bundled], SOURCE) };
for (const name of Object.keys(chunks)) contents[named(name)] = files[name];
const shipped = Object.entries(contents).sort().map(([file, text]) => ({ file, contents: Buffer.from(text) }));
const sizes = new Map(shipped.map(({ file, contents }) => [file, brotliCompressSync(contents).length]));
const paths = {}, budgets = {};
const path = (name, budget, ...chunks) => {
  paths[name] = chunks.map(chunk => chunk === "loader" ? "loader.js" : named(chunk));
  budgets[name] = budget;
};
path("loader", BUDGETS.loader, "loader");
for (const code of codes) {
  const city = ["loader", "widget", code, "city-" + code, "problem-" + code];
  path("basic " + code, BUDGETS.basic, "loader", "basic", code);
  path("extended " + code, BUDGETS.extended, ...city);
  path("extended with the form " + code, "", ...city, "form");
  for (const [name] of later) path(`${name} ${code}`, BUDGETS[name] ?? "", `${name}-${code}`);
}
const weigh = list => list.reduce((sum, file) => sum + sizes.get(file), 0);
const beyond = share => Object.keys(paths).filter(name => budgets[name] && weigh(paths[name]) > budgets[name] * share);
const over = beyond(1);

const row = (...cells) => console.log(cells.map((cell, index) => index ? String(cell).padStart(8) : cell.padEnd(28)).join(""));
row("file", "bytes", "brotli");
for (const { file, contents } of shipped) row(file, contents.length, sizes.get(file));
row("\npath", "", "brotli", "budget");
for (const [name, list] of Object.entries(paths)) row(name, "", weigh(list), budgets[name]);

const stop = message => {
  console.error(message);
  process.exit(1);
};
if (over.length && !option("keep")) stop("over the budget: " + over.join(", "));
const near = beyond(NEAR);
if (near.length) console.warn(`near the budget (${NEAR * 100} %): ` + near.join(", "));

// What is published stays as it is for ever: pages hold its hashes.
for (const [of, hashes] of Object.entries(await json(join(DIST, "released.json")))) {
  for (const [file, expected] of Object.entries(hashes)) {
    const contents = of === version ? shipped.find(one => one.file === file)?.contents
      : await readFile(join(DIST, of, file)).catch(() => undefined);
    if (!contents || hash("sha384", contents) !== expected) stop(`dist/${of}/${file} is released and differs: raise the version in package.json`);
  }
}

const folder = join(DIST, version);
const manifest = JSON.stringify({
  version, languages: codes, paths,
  files: Object.fromEntries(shipped.map(({ file, contents }) => [file, {
    bytes: contents.length, brotli: sizes.get(file), integrity: hash("sha384", contents),
  }])),
}, null, 2) + "\n";
/** The output of brotli differs by a few bytes between versions of Node: its sizes inform, they are not compared. */
const comparable = text => text.replace(/"brotli": \d+/g, "");

if (option("check")) {
  const there = (await readdir(folder).catch(() => [])).sort();
  if (there.join() !== shipped.map(({ file }) => file).sort().join()) stop(`dist/${version}/ holds other files than a fresh build: run npm run build`);
  for (const { file, contents } of shipped) {
    if (Buffer.compare(await readFile(join(folder, file)), contents)) stop(`dist/${version}/${file} differs from a fresh build: run npm run build`);
  }
  if (comparable(await readFile(join(DIST, "manifest.json"), "utf8")) !== comparable(manifest)) stop("dist/manifest.json is out of date: run npm run build");
} else {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await Promise.all(shipped.map(({ file, contents }) => writeFile(join(folder, file), contents)));
  await writeFile(join(DIST, "manifest.json"), manifest);
}
