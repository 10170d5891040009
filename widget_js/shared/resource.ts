/** What the service answers at a path, as views use it: loaded, failed, tried again; polling.ts follows it. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { ApiError } from "./api.ts";
import { useSite } from "./site.ts";

interface State<T> {
  /** The last answer; null before the first. */
  data: T | null;
  /** The path that it answers. */
  of: string | null;
  /** Why the last question had no answer. */
  error: ApiError | null;
  /** How often an answer has differed from the one before it to the same path. */
  changes: number;
}

export interface Resource<T> extends State<T> {
  /**
   * Asks again. Resolves with the answer, with false after a failure, which `error` tells, and with nothing where a
   * later question has taken its place.
   */
  retry(): Promise<T | false | undefined>;
  /** The same without a word of it; rejects after a failure. */
  refresh(): Promise<unknown>;
  /** Puts what is known better since in the place of the answer. */
  change(make: (data: T) => T): void;
}

interface Terms<T> {
  /** Asked for already: which of the loader's requests, or the answer itself; good once. */
  requested?: number | Promise<T> | false | undefined;
  /** Milliseconds that a path has to stay the same before it is asked for. */
  rest?: number;
  /** Another one asks again. */
  version?: number | undefined;
}

/** A stable reference after an equal answer: what equals the last one draws nothing. */
const take = <T>(before: State<T>, path: string, data: T): State<T> => {
  const same = before.of === path;
  const equal = same && JSON.stringify(before.data) === JSON.stringify(data);
  if (equal && !before.error) return before;
  return { data: equal ? before.data : data, of: path, error: null, changes: before.changes + +(same && !equal) };
};

/** Without a path nothing is asked. The answer to an earlier path stays until the next one is there. */
export function useResource<T>(
  path: string | null | undefined | false,
  { requested, rest = 0, version }: Terms<T> = {}
): Resource<T> {
  const { api } = useSite();
  const [state, set] = useState<State<T>>({ data: null, of: null, error: null, changes: 0 });
  const first = useRef(requested);
  /** Of the latest question: an earlier one would be answered too late. */
  const asking = useRef(new AbortController());
  const ask = async (again: boolean): Promise<T | undefined> => {
    if (!path) return;
    asking.current.abort();
    const { signal } = (asking.current = new AbortController());
    const known = first.current;
    first.current = undefined;
    try {
      // `no-cache`: the browser asks with its ETag, without the preflight that a hand-set If-None-Match would cost.
      const data = await (typeof known === "object"
        ? known
        : api.get<T>(path, known || undefined, again ? { cache: "no-cache", signal } : { signal }));
      if (signal.aborted) return;
      set(before => take(before, path, data));
      return data;
    } catch (error) {
      if (signal.aborted) return;
      set(before => ({ ...before, error: error as ApiError }));
      throw error;
    }
  };
  const latest = useRef(ask);
  latest.current = ask;
  const retry = () => {
    // A failure that follows is told anew.
    set(before => (before.error ? { ...before, error: null } : before));
    return latest.current(true).catch(() => false as const);
  };
  useLayoutEffect(() => {
    const timer = rest && setTimeout(begin, rest);
    set(before => (before.error ? { ...before, error: null } : before));
    function begin() {
      latest.current(version !== undefined).catch(() => {});
    }
    if (!rest) begin();
    return () => {
      asking.current.abort();
      if (timer) clearTimeout(timer);
    };
  }, [api, path]);
  const known = useRef(version);
  useLayoutEffect(() => {
    if (known.current !== version) latest.current(true).catch(() => {});
    known.current = version;
  }, [version]);
  useLayoutEffect(() => {
    if (!state.error) return;
    const back = () => void retry();
    addEventListener("online", back);
    return () => removeEventListener("online", back);
  }, [!state.error]);
  return {
    ...state,
    retry,
    refresh: () => latest.current(true),
    change: make => set(before => ({ ...before, data: before.data && make(before.data) }))
  };
}
