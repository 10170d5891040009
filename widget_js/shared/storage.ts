/** Storage and history may be forbidden or full, and nothing may break for it. */

/** What `work` returns; undefined where it throws. */
export function ignoreErrors<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return;
  }
}
