/**
 * The clusters for what the map shows: asked for when it rests, kept until the next are there, followed while
 * somebody looks.
 */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Clusters } from "../../shared/contract.ts";
import { refresh, useFollow } from "../../shared/polling.ts";
import { useSite } from "../../shared/site.ts";

/** Milliseconds of rest before the service is asked: a hand moves a map in strokes. */
const REST = 200;

export interface Answer {
  at: string;
  clusters: Clusters;
  zoom: number;
}

/**
 * `at`: the path to ask for, empty before the map is there. An answer to an earlier path that comes late is dropped.
 * Another `version` asks at once; `paused` waits for the visitor.
 */
export function useClusters(at: string, zoom: number, paused?: boolean, version?: number) {
  const { api, visible } = useSite();
  const [answer, set] = useState<Answer | null>(null);
  const [failed, fail] = useState(false);
  const turn = useRef(0);
  const asked = useRef(false);
  const ask = async () => {
    const mine = ++turn.current;
    try {
      const clusters = await refresh<Clusters>(api, at);
      if (mine !== turn.current) return;
      set({ at, clusters, zoom });
      fail(false);
    } catch (error) {
      if (mine === turn.current) fail(true);
      throw error;
    }
  };
  const again = () => void ask().catch(() => {});
  const latest = useRef(again);
  latest.current = again;
  useLayoutEffect(() => {
    if (!at) return;
    const timer = setTimeout(() => latest.current(), asked.current ? REST : 0);
    asked.current = true;
    return () => {
      clearTimeout(timer);
      turn.current++;
    };
  }, [at]);
  useLayoutEffect(() => {
    if (turn.current) latest.current();
  }, [version]);
  useFollow(visible && !!at && !paused, ask);
  useLayoutEffect(() => {
    const back = () => latest.current();
    addEventListener("online", back);
    return () => removeEventListener("online", back);
  }, []);
  return { answer, failed, again };
}
