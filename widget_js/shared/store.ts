/** State outside Preact that views render from. */

import { useLayoutEffect, useState } from "preact/hooks";

export class Store {
  private readonly listeners = new Set<() => void>();

  /** Calls `listener` after each change, until the returned function is called. */
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  protected changed(): void {
    this.listeners.forEach(listener => listener());
  }
}

/** Draws the component anew after each change of the store. */
export function useStore<T extends Store>(store: T): T {
  const [, draw] = useState({});
  useLayoutEffect(() => store.subscribe(() => draw({})), [store]);
  return store;
}
