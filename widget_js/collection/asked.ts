/** What the service answers: asked for beside the chunk, anew with each try, and when it is another question. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";

export function useAsked<T>(
  first: Promise<T> | undefined,
  ask: () => Promise<T>,
  question: string
): { answer: T | null; failed: boolean; retry: () => void } {
  const [answer, set] = useState<T | null>(null);
  const [failed, fail] = useState(false);
  const [tries, setTries] = useState(0);
  const early = useRef(first);
  useLayoutEffect(() => {
    let wanted = true;
    const asked = early.current || ask();
    early.current = undefined;
    fail(false);
    asked.then(
      found => wanted && set(found),
      () => wanted && fail(true)
    );
    return () => {
      wanted = false;
    };
  }, [question, tries]);
  return { answer, failed: failed && !answer, retry: () => setTries(tries + 1) };
}
