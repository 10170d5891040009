/** What this browser remembers; storage may be forbidden or full, and nothing may break for it. */

export function quietly<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return;
  }
}

/** Works on http hosts too, where crypto.randomUUID does not exist. */
export const randomKey = (): string =>
  [...crypto.getRandomValues(new Uint8Array(16))].map(byte => byte.toString(16).padStart(2, "0")).join("");

/** This browser, for «У меня тоже»: a voice counts once. */
export function supporter(): string {
  const name = "igrajdanin";
  const known = quietly(() => localStorage.getItem(name)) || randomKey();
  quietly(() => localStorage.setItem(name, known));
  return known;
}
