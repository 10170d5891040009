/** How a fresh first page changes the list on screen without moving what is being read. */

import type { Problem, Problems } from "../shared/contract.ts";

export interface Merged {
  items: Problem[];
  /** How many came, as far as the first page tells; and whether any came or went: shown only when the reader asks. */
  fresh: number;
  moved: boolean;
}

/** Known problems change in place; arrivals and departures are only announced. */
export function merge(items: Problem[], page: Pick<Problems, "items">): Merged {
  const now = new Map(page.items.map(problem => [problem.number, problem]));
  const known = new Set(items.map(problem => problem.number));
  const first = items.slice(0, page.items.length);
  const fresh = page.items.filter(problem => !known.has(problem.number)).length;
  return {
    fresh,
    items: items.map(problem => now.get(problem.number) || problem),
    moved: fresh > 0 || first.some(problem => !now.has(problem.number))
  };
}

/** The next page, without what the list already has (problems may have moved between two pages). */
export function append(items: Problem[], page: Pick<Problems, "items">): Problem[] {
  const known = new Set(items.map(problem => problem.number));
  return [...items, ...page.items.filter(problem => !known.has(problem.number))];
}
