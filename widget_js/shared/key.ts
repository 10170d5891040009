/** A key that nobody guesses: of a report, of a browser. */

/** Works on http hosts too, where crypto.randomUUID does not exist. */
export const randomKey = (): string =>
  [...crypto.getRandomValues(new Uint8Array(16))].map(byte => byte.toString(16).padStart(2, "0")).join("");
