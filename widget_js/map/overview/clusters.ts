/**
 * The clusters for what the map shows: asked for when it rests, kept until the next are there, followed while
 * somebody looks.
 */

import { useMemo, useRef } from "preact/hooks";
import type { Clusters } from "../../shared/contract.ts";
import { useFollow } from "../../shared/polling.ts";
import { useResource } from "../../shared/resource.ts";

/** Milliseconds of rest before the service is asked: a hand moves a map in strokes. */
const REST = 200;

export interface Answer {
  path: string;
  clusters: Clusters;
  zoom: number;
}

/**
 * `path`: what to ask for, empty before the map is there. Another `version` asks at once; `paused` waits for the
 * visitor.
 */
export function useClusters(path: string, paused?: boolean, version?: number) {
  const isFirst = useRef(true);
  const found = useResource<Clusters>(path, { rest: isFirst.current ? 0 : REST, version });
  const { data, of, error, retry } = found;
  useFollow(!paused, found);
  if (path) isFirst.current = false;
  const answer = useMemo(
    (): Answer | null => data && { path: of!, clusters: data, zoom: +/zoom=(\d+)$/.exec(of!)![1]! },
    [data]
  );
  return { answer, failed: !!error, retry };
}
