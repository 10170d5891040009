/**
 * Builds the widget into dist/<version>/ and describes it in dist/manifest.json: `npm run build`. With `-- --check` it
 * writes nothing and fails unless a fresh build equals what is there, byte for byte.
 */

import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync } from "node:zlib";
import { build, transform } from "esbuild";
import { minify } from "terser";
import { leaflet } from "./leaflet.mjs";
import { licences } from "./licences.mjs";

const SOURCE = dirname(dirname(fileURLToPath(import.meta.url)));
const DIST = join(SOURCE, "../dist");
/** Brotli bytes for one language, answers of the API aside. */
const BUDGETS = { loader: 3_000, basic: 30_000, extended: 38_000, map: 34_000, application: 3_500, worker: 1_500 };
/** Share of a budget from which on the build warns. */
const NEAR = 0.95;
/** Chunks by name, in an order in which each comes after those whose hashes it holds. */
const CHUNKS = {
  core: "shell/core.ts",
  map: "map/entry.ts",
  discussion: "problem/discussion/entry.ts",
  later: "report/later.ts",
  photos: "report/photos/entry.ts",
  mine: "report/mine/entry.ts",
  report: "report/entry.ts",
  problem: "problem/entry.ts",
  filters: "browse/filters/entry.ts",
  collection: "collection/entry.ts",
  figures: "browse/figures/entry.ts",
  browse: "browse/entry.ts"
};
/** Which those are: the loader brings what opens a widget, and the form makes its own known. */
const FOLLOWING = {
  later: ["discussion"],
  report: ["map", "later", "photos", "mine"],
  browse: ["map", "mine", "problem", "discussion", "filters", "figures", "collection"]
};
/** The part of the dictionary that a chunk speaks by, where it is not `later`. */
const PARTS = { report: "widget", browse: "browse", problem: "browse", collection: "collection" };
/** Of the names in what is minified: those that stand in code anyway come first, digits last. */
const LETTERS = "etsinraolhucdfpmvgbwykxjqzESTNCLAOM_DPHBFIRUWXV$JKQGYZ0123456789";
const TARGET = ["chrome73", "firefox101", "safari16.4"];

const json = async path => JSON.parse(await readFile(path, "utf8"));
const integrity = (algorithm, contents) => `${algorithm}-${createHash(algorithm).update(contents).digest("base64")}`;
const fail = message => {
  console.error(message);
  process.exit(1);
};

/** What the service says of itself; while it is worked on, that of the release to come: «1.2.0.dev0» → «1.2.0». */
const [, version] = (await readFile(join(SOURCE, "../widget_api/__init__.py"), "utf8")).match(
  /^__version__ = "([\d.]+?)(\.dev0)?"$/m
);
const languages = (await readdir(join(SOURCE, "locales")))
  .map(name => name.split(".")[0])
  .sort()
  .reverse();
/** The names of statuses and of what became of reports are those of the service. */
const dictionary = async lang => {
  const parts = await json(join(SOURCE, "locales", lang + ".json"));
  const { status, received, rejection } = await json(join(SOURCE, `../widget_api/locale/statuses.${lang}.json`));
  const outcomes = Object.entries({ ...received, ...rejection.reason }).map(([name, text]) => [
    "outcome_" + name,
    text
  ]);
  const later = { ...parts.later, ...Object.fromEntries(outcomes) };
  return [lang, { ...parts, browse: { ...parts.browse, ...status }, later }];
};
const dictionaries = Object.fromEntries(await Promise.all(languages.map(dictionary)));

/**
 * Style sheets become texts: constructable ones are what a strict policy lets through. Colours are the design tokens of
 * the service's pages (widget_api/web/tokens.py).
 */
const tokens = await json(join(SOURCE, "../widget_api/tokens.json"));
const paint = css => css.replace(/token\((\w+), ([\w-]+)\)/g, (_, token, theme) => tokens[token][theme]);
const css = {
  name: "css",
  setup: ({ onLoad }) =>
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(paint(await readFile(path, "utf8")), {
        loader: "css",
        minify: true,
        charset: "utf8",
        target: TARGET
      });
      // What stands after the comma of var() is minified by nobody else.
      return { contents: code.trim().replace(/, /g, ","), loader: "text" };
    })
};
/**
 * Preact asks the parent of an element for its document, which an element of the page may be hiding
 * (shared/document.ts).
 */
const preact = {
  name: "preact",
  setup: ({ onLoad }) =>
    onLoad({ filter: /preact\/dist\/preact\.mjs$/ }, async ({ path }) => {
      const parts = (await readFile(path, "utf8")).split(/\w\.ownerDocument\|\|document/);
      if (parts.length !== 2) throw new Error("preact no longer asks for ownerDocument in one place");
      return { contents: parts.join("document"), loader: "js" };
    })
};
const files = {};
const inputs = new Set();
/** Hashes of the chunks (SHA-256, base64), which their files are named by. */
const hashes = {};
/**
 * The same names whatever a file says: terser's follow the frequency of letters, hashes and texts included, so that a
 * changed word moved the widget by a hundred bytes.
 */
const nth_identifier = {
  get(n) {
    let name = "";
    // As terser's own: 54 characters may begin a name, 64 may follow; without consider() it has no favourites.
    for (let size = LETTERS.length - 10; n >= 0; n = Math.floor(n / size) - 1, size = LETTERS.length)
      name += LETTERS[n % size];
    return name;
  }
};
const short = hash => hash.replace(/\W/g, "").slice(0, 8);
const fileOf = name => `${name}-${short(hashes[name])}.js`;
const pick = names => JSON.stringify(Object.fromEntries(names.map(name => [name, hashes[name]])));
const contentsOf = Object.fromEntries(
  languages
    .flatMap(lang =>
      Object.entries(dictionaries[lang]).map(([part, of]) => [`${lang}-${part}`, JSON.stringify(of) + "\n"])
    )
    .sort()
);
/** One hash for the texts of all languages: they change with the build, which loader and core carry anyway. */
const texts = short(integrity("sha256", Object.values(contentsOf).join("")).slice("sha256-".length));
const textsOf = name => `${name}-${texts}.json`;
for (const [name, contents] of Object.entries(contentsOf)) files[textsOf(name)] = Buffer.from(contents);

async function bundle(entry, options) {
  const {
    outputFiles: [{ text }],
    metafile
  } = await build({
    absWorkingDir: SOURCE,
    preserveSymlinks: true, // source maps name files by where they are found: node_modules may stand elsewhere
    entryPoints: [entry],
    outdir: "out",
    write: false,
    metafile: true,
    bundle: true,
    minify: true,
    charset: "utf8",
    target: TARGET,
    legalComments: "none",
    logLevel: "warning",
    sourcemap: "inline",
    sourcesContent: false,
    jsx: "transform",
    jsxFactory: "h",
    jsxFragment: "Fragment",
    // As tsconfig.json has it: fields of classes that are assigned, not defined.
    tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
    inject: ["loader/document.ts"],
    ...options,
    plugins: [css, leaflet, preact, ...(options.plugins || [])],
    define: {
      VERSION: JSON.stringify("?v=" + version),
      RELEASE: JSON.stringify(version + "/"),
      TEXTS: JSON.stringify(texts),
      PARTS: JSON.stringify(PARTS),
      ...options.define
    }
  });
  Object.keys(metafile.inputs).forEach(path => inputs.add(path));
  // Read as TypeScript, the bundle leaves out the names of its imports that nothing in it uses.
  const read = await transform(text, {
    loader: "ts",
    minify: true,
    charset: "utf8",
    target: TARGET,
    legalComments: "none",
    sourcemap: "external",
    sourcesContent: false
  });
  // Names by scope compress better than esbuild's: 640 bytes of the basic widget.
  const { code, map } = await minify(read.code, {
    module: true,
    ecma: 2018,
    mangle: { nth_identifier },
    compress: { passes: 2, unsafe_arrows: true }, // no function expression of ours or of the libraries is a constructor
    sourceMap: { content: read.map }
  });
  const { exports } = Object.values(metafile.outputs).find(({ entryPoint }) => entryPoint);
  return { code, map, inputs: Object.keys(metafile.inputs), exports };
}

/** What is in the core comes from there, by one import. */
const shared = core => ({
  name: "shared",
  setup({ onResolve, onLoad, resolve }) {
    onResolve({ filter: /^\.|^preact/ }, async ({ path, kind, ...rest }) => {
      if (rest.pluginData === shared || kind === "entry-point") return;
      if (rest.namespace === "core") return { path, external: true };
      const found = await resolve(path, { kind, ...rest, pluginData: shared });
      return core.inputs.includes(relative(SOURCE, found.path))
        ? { path: "core", namespace: "core", sideEffects: false }
        : found;
    });
    onLoad({ filter: /./, namespace: "core" }, () => ({
      contents: `export {${core.exports}} from "./${fileOf("core")}"`
    }));
  }
});
let core;
for (const [name, entry] of Object.entries(CHUNKS)) {
  const made = await bundle(entry, {
    format: "esm",
    define: { HASHES: pick(FOLLOWING[name] || []) },
    inject: [name === "core" ? "shared/document.ts" : "build/document.ts", "build/jsx.ts"],
    plugins: core ? [shared(core)] : []
  });
  core = core || made;
  hashes[name] = integrity("sha256", made.code).slice("sha256-".length);
  files[fileOf(name)] = Buffer.from(made.code);
  files[fileOf(name) + ".map"] = Buffer.from(made.map);
}
/** What opens the widget; chunks.json tells it to the loader of an earlier build (loader.ts). */
const OPENING = ["core", "report", "browse"];
files["chunks.json"] = Buffer.from(`["${version}/",${pick(OPENING)}]\n`);
/** What the form needs without a network, in every language: the service worker keeps it. */
const OFFLINE = ["core", "report", "photos", "mine", "later"];
const spoken = languages.flatMap(lang => [`${lang}-widget`, `${lang}-later`]);
const kept = [...OFFLINE.map(fileOf), ...spoken.map(textsOf)].map(file => `/w/${version}/${file}`);
const scripts = {
  loader: await bundle("loader/loader.ts", {
    format: "iife",
    define: {
      HASHES: pick(OPENING),
      LABELS: JSON.stringify(
        Object.fromEntries(languages.map(lang => [lang, ["title", "retry"].map(key => dictionaries[lang].widget[key])]))
      )
    }
  }),
  frame: await bundle("iframe/iframe.ts", { format: "iife" }),
  photos: await bundle("pages/photos.ts", { format: "iife" }),
  application: await bundle("pages/application.ts", { format: "iife" }),
  worker: await bundle("pages/worker.ts", {
    format: "iife",
    inject: [], // it has no document
    define: { FILES: JSON.stringify(["/w/1/loader.js", "/w/1/application.js", ...kept]) }
  })
};
for (const [name, { code, map }] of Object.entries(scripts)) {
  files[name + ".js"] = Buffer.from(code);
  files[name + ".js.map"] = Buffer.from(map);
}
files["LICENSES.txt"] = Buffer.from(await licences([...inputs], SOURCE));

// What a resident downloads on each way, in one language.
const sizes = Object.fromEntries(
  Object.entries(files).map(([file, contents]) => [file, brotliCompressSync(contents).length])
);
const ways = {
  basic: ["loader", "core", "report", "-widget"],
  extended: ["loader", "core", "browse", "problem", "-widget", "-browse"],
  map: ["map", "-later"],
  photos: ["photos"],
  mine: ["mine"],
  later: ["later"],
  filters: ["filters"],
  figures: ["figures"],
  discussion: ["discussion"],
  collection: ["collection", "-collection"]
};
const paths = { loader: ["loader.js"], application: ["application.js"], worker: ["worker.js"] };
for (const lang of languages)
  for (const [way, names] of Object.entries(ways)) {
    paths[`${way} ${lang}`] = names.map(name =>
      name === "loader" ? "loader.js" : name.startsWith("-") ? textsOf(lang + name) : fileOf(name)
    );
  }
console.log(
  Object.keys(files)
    .filter(file => !file.endsWith(".map"))
    .sort()
    .map(file => file.padEnd(32) + String(files[file].length).padStart(8) + String(sizes[file]).padStart(8))
    .join("\n") + "\n"
);
for (const [way, list] of Object.entries(paths)) {
  const size = list.reduce((sum, file) => sum + sizes[file], 0);
  const budget = BUDGETS[way.split(" ")[0]];
  console.log(
    way.padEnd(32) + String(size).padStart(16) + (budget ? ` of ${budget}, ${Math.round((size / budget) * 100)} %` : "")
  );
  if (size > budget && !process.argv.includes("--keep")) fail(`over the budget: ${way}`);
  if (size > budget * NEAR) console.warn(`near the budget: ${way}`);
}

// What is released stays as it is for ever: pages hold its hashes.
for (const [of, hashes] of Object.entries(await json(join(DIST, "released.json")))) {
  for (const [file, expected] of Object.entries(hashes)) {
    const contents = of === version ? files[file] : await readFile(join(DIST, of, file)).catch(() => undefined);
    if (!contents || integrity("sha384", contents) !== expected)
      fail(`dist/${of}/${file} is released and differs: begin the next version, make release NEXT=…`);
  }
}

const folder = join(DIST, version);
const names = Object.keys(files).sort();
const manifest =
  JSON.stringify(
    {
      version,
      languages,
      paths,
      files: Object.fromEntries(
        names.map(name => [
          name,
          { bytes: files[name].length, brotli: sizes[name], integrity: integrity("sha384", files[name]) }
        ])
      )
    },
    null,
    2
  ) + "\n";
/** The output of brotli differs by a few bytes between versions of Node: its sizes inform, they are not compared. */
const comparable = text => text.replace(/"brotli": \d+/g, "");

if (process.argv.includes("--check")) {
  const there = (await readdir(folder).catch(() => [])).sort();
  if (there.join() !== names.join()) fail(`dist/${version}/ holds other files than a fresh build: run npm run build`);
  for (const name of names) {
    if (!files[name].equals(await readFile(join(folder, name))))
      fail(`dist/${version}/${name} differs from a fresh build: run npm run build`);
  }
  if (comparable(await readFile(join(DIST, "manifest.json"), "utf8")) !== comparable(manifest))
    fail("dist/manifest.json differs from a fresh build: run npm run build");
} else {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await Promise.all(names.map(name => writeFile(join(folder, name), files[name])));
  await writeFile(join(DIST, "manifest.json"), manifest);
}
