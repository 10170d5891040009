/** The widget's chunks: each is fetched once, under its hash, and within a time. */

import type { Launch } from "../loader/host.ts";
import { styleSheet } from "./styles.ts";
import { expire } from "../loader/timeouts.ts";

/** Chunks that are here, by name, each with its style sheet. */
export const loaded: Record<string, any> = {};

/** Where this file came from, and the others come from. */
export const folder = /* @__PURE__ */ new URL(".", import.meta.url).href;
const loading: Record<string, Promise<any>> = {};
/** Of the chunks that may follow those that are here; the loader knows those that open the widget. */
const hashes: Record<string, string> = {};
let preload: Launch["preload"];

/** The page has one loader: a second copy of it does nothing. */
export const setPreload = (loaders: typeof preload): void => {
  preload = loaders;
};

/** Rejects after READING milliseconds. A failure is forgotten, so that asking again asks the network. */
export const loadChunk = (name: string): Promise<any> =>
  (loading[name] =
    loading[name] ||
    expire(preload(name, hashes[name]).then(address => import(address))).then(
      module => {
        Object.assign(hashes, module.hashes);
        return (loaded[name] = { ...module, sheet: styleSheet(module.styles) });
      },
      error => {
        delete loading[name];
        throw error;
      }
    ));
