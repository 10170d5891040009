/** Brings a chunk under the hash that whoever asks for it holds, and within a time. */

import { READING } from "./patience.ts";

/** Written in by the build: how the address of a chunk ends, and the hashes of those that come after this file. */
declare const ENDING: string;
declare const HASHES: Record<string, string>;

/** What is on its way, or here. */
const known: Record<string, Promise<any>> = {};
let failures = 0;

/** `folder`: where the chunks are, as a whole address. A failure is forgotten, so that asking again asks the network. */
export const chunk = (name: string, folder: string): Promise<any> =>
  known[name] = known[name] || bring(name, folder).catch(error => {
    delete known[name];
    // A module that failed, or hangs, stays what it is under its address.
    failures++;
    throw error;
  });

/**
 * `import()` takes no hash, a preloaded module does, and is the one that import() then finds. WebKit loads it without a
 * look at its hash, and browsers that know no such link import the module itself.
 */
const bring = (name: string, folder: string): Promise<any> => new Promise((resolve, reject) => {
  const address = folder + name + ENDING + (failures ? "#" + failures : "");
  const link = document.createElement("link");
  const fail = () => {
    link.remove();
    reject(Error(address));
  };
  const take = () => {
    link.remove();
    import(address).then(resolve, reject);
  };
  setTimeout(fail, READING * 1000);
  link.rel = "modulepreload";
  link.crossOrigin = "";
  link.integrity = HASHES[name]!;
  link.href = address;
  link.onload = take;
  link.onerror = fail;
  if (link.relList.supports(link.rel)) document.head.append(link);
  else void take();
});
