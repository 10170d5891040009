/**
 * The licences of the packages inside a release: most of them (BSD, MIT) ask to stand beside every copy of the code.
 */

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** «/…/node_modules/@scope/name/src/file.js» → the folder of the package. */
const PACKAGE = /^(.*\/)?node_modules\/(@[^/]+\/[^/]+|[^/]+)(?=\/)/;
const LICENCE = /^(licen[cs]e|copying)(\.(md|txt))?$/i;

/** The folders of the packages that these files, the inputs of a bundle, belong to. */
export const packages = inputs => [...new Set(inputs.flatMap(path => (path.match(PACKAGE) || []).slice(0, 1)))].sort();

/** One text with the licence of each package. A package without one stops the build: it may not be shipped. */
export async function licences(inputs, root = "") {
  const texts = await Promise.all(
    packages(inputs).map(async folder => {
      const { name, version, license } = JSON.parse(await readFile(join(root, folder, "package.json"), "utf8"));
      const file = (await readdir(join(root, folder))).find(one => LICENCE.test(one));
      const text = file && (await readFile(join(root, folder, file), "utf8")).trim();
      if (!text) throw new Error(`${name} is bundled, and its licence is not in its package: ${folder}`);
      return `${name} ${version} (${license})\n\n${text.replace(/\r/g, "")}\n`;
    })
  );
  return "Parts of these files come from the packages below, each under its own licence.\n\n" + texts.join("\n\n");
}
