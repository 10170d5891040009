/** What .oxlintrc.json forbids, over a tree in which every folder imports every other. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, normalize, sep } from "node:path";
import { test } from "node:test";

const SOURCE = join(import.meta.dirname, "..");
const FEATURES = ["report", "browse", "problem", "map", "collection"];
const ALLOWED: Record<string, string[]> = {
  loader: [],
  shared: ["loader"],
  ...Object.fromEntries(FEATURES.map(name => [name, ["loader", "shared"]])),
  shell: ["loader", "shared", ...FEATURES]
};

function lint(folder: string): { code: string; filename: string; message: string }[] {
  const program = join(SOURCE, "../node_modules/.bin/oxlint");
  try {
    return JSON.parse(execFileSync(program, ["-c", ".oxlintrc.json", "-f", "json", "."], { cwd: folder }) + "")
      .diagnostics;
  } catch (error) {
    return JSON.parse((error as { stdout: Buffer }).stdout + "").diagnostics;
  }
}

test("folders import those below, and no module itself by a way around", t => {
  const folder = mkdtempSync(join(tmpdir(), "layers-"));
  t.after(() => rmSync(folder, { recursive: true }));
  cpSync(join(SOURCE, ".oxlintrc.json"), join(folder, ".oxlintrc.json"));
  for (const from of Object.keys(ALLOWED)) {
    mkdirSync(join(folder, from));
    writeFileSync(join(folder, from, "leaf.ts"), "export const leaf = 1;\n");
    for (const to of Object.keys(ALLOWED).filter(to => to !== from)) {
      writeFileSync(join(folder, from, `uses-${to}.ts`), `export { leaf } from "../${to}/leaf.ts";\n`);
    }
  }
  writeFileSync(join(folder, "shared/one.ts"), 'export type { Two } from "./two.ts";\nexport interface One {}\n');
  writeFileSync(join(folder, "shared/two.ts"), 'export type { One } from "./one.ts";\nexport interface Two {}\n');
  const found = lint(folder);
  const refused = found.filter(({ code }) => code.includes("no-restricted-imports")).map(({ filename }) => filename);
  const expected = Object.keys(ALLOWED).flatMap(from =>
    Object.keys(ALLOWED)
      .filter(to => to !== from && !ALLOWED[from]!.includes(to))
      .map(to => `${from}/uses-${to}.ts`)
  );
  assert.deepEqual(refused.sort(), expected.sort());
  const circles = found.filter(({ code }) => code.includes("no-cycle")).map(({ filename }) => filename);
  assert.deepEqual(circles.sort(), ["shared/one.ts", "shared/two.ts"]);
});

test("no type is imported from another feature: oxlint sees import declarations alone", () => {
  const found = Object.keys(ALLOWED).flatMap(folder =>
    readdirSync(join(SOURCE, folder), { recursive: true, encoding: "utf8" })
      .filter(file => /\.tsx?$/.test(file))
      .flatMap(file =>
        [...readFileSync(join(SOURCE, folder, file), "utf8").matchAll(/\bimport\("(\..+?)"\)/g)]
          .map(([, path]) => normalize(join(folder, file, "..", path!)).split(sep)[0]!)
          .filter(to => to !== folder && !ALLOWED[folder]!.includes(to))
          .map(to => `${folder}/${file} → ${to}`)
      )
  );
  assert.deepEqual(found, []);
});
