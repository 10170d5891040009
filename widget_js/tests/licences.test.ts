import assert from "node:assert/strict";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { licences, packages } from "../build/licences.mjs";

async function workshop(files: Record<string, string>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "licences-"));
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(root, path, ".."), { recursive: true });
    await writeFile(join(root, path), text);
  }
  return root;
}
const described = (name: string) => JSON.stringify({ name, version: "1.2.3", license: "BSD-2-Clause" });

test("the packages of a bundle, each once", () => {
  const inputs = [
    "form/form.tsx",
    "../node_modules/leaflet/src/map/Map.js",
    "../node_modules/leaflet/src/core/Util.js",
    "../node_modules/@a/b/c.js"
  ];
  assert.deepEqual(packages(inputs), ["../node_modules/@a/b", "../node_modules/leaflet"]);
});

test("what is bundled is named with its whole licence", async () => {
  const root = await workshop({
    "node_modules/map/package.json": described("map"),
    "node_modules/map/LICENSE.md": "Copyright (c) Somebody\r\nKeep this notice\n",
    "node_modules/unused/package.json": described("unused")
  });
  const text = await licences(["form.tsx", "node_modules/map/index.js"], root);
  assert.match(text, /map 1\.2\.3 \(BSD-2-Clause\)\n\nCopyright \(c\) Somebody\nKeep this notice\n$/);
  assert.doesNotMatch(text, /unused/);
});

test("a package without its licence is not shipped", async () => {
  for (const licence of ["README.md", "LICENSE"]) {
    const root = await workshop({
      "node_modules/map/package.json": described("map"),
      ["node_modules/map/" + licence]: " \n"
    });
    await assert.rejects(licences(["node_modules/map/index.js"], root), /map is bundled, and its licence is not/);
  }
});
