/** Fetches chunks under their hashes. */

/** SHA-256 in base64, by name of a chunk; its file is named by both. */
export type Hashes = Record<string, string>;

/**
 * Resolves with the module's address. `import()` takes no hash, a preloaded module does, and is the one that import()
 * then finds. WebKit loads it without a look at its hash, and browsers that know no such link import the module
 * itself.
 */
export const preload = (name: string, folder: string, hashes: Hashes): Promise<string> =>
  new Promise((resolve, reject) => {
    const link = document.createElement("link");
    const hash = hashes[name]!;
    link.rel = "modulepreload";
    link.integrity = "sha256-" + hash;
    link.crossOrigin = "";
    link.href = folder + name + "-" + hash.replace(/\W/g, "").slice(0, 8) + ".js";
    link.onload = link.onerror = (event: Event | string) => {
      link.remove();
      ((event as Event).type === "load" ? resolve : reject)(link.href);
    };
    if (link.relList.supports(link.rel)) document.head.append(link);
    else resolve(link.href);
  });
