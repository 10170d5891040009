/** The widget's chunks: each is fetched once, under its hash, and within a time. */

import { preload, type Hashes } from "../loader/preload.ts";
import { READING } from "../loader/timeouts.ts";

/** Chunks that are here, by name. */
export const loaded: Record<string, any> = {};

/** Where this file came from, and the others come from. */
export const folder = /* @__PURE__ */ new URL(".", import.meta.url).href;
const loading: Record<string, Promise<any>> = {};
const hashes: Hashes = {};

/** Makes chunks known: the loader knows those that open the widget, they know those that may follow. */
export const addHashes = (more: Hashes): void => void Object.assign(hashes, more);

export const expire = <T>(work: Promise<T>): Promise<T> =>
  Promise.race([work, new Promise<T>((_, reject) => setTimeout(() => reject(Error("timeout")), READING))]);

/** Rejects after READING milliseconds. A failure is forgotten, so that asking again asks the network. */
export const loadChunk = (name: string): Promise<any> =>
  (loading[name] =
    loading[name] ||
    expire(preload(name, folder, hashes).then(address => import(address))).then(
      module => (loaded[name] = module),
      error => {
        delete loading[name];
        throw error;
      }
    ));
