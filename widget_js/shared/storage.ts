/** What this browser remembers; storage may be forbidden or full, and nothing may break for it. */

export function quietly<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return;
  }
}
