/** How a fresh first page changes the list on screen without moving what is being read. */

import type { Page, Problem } from "../contract.ts";

export interface Merged {
  items: Problem[];
  /** Problems came or went: shown only when the reader asks. */
  moved: boolean;
}

/** Known problems change in place; arrivals and departures are only announced. */
export function merge(items: Problem[], page: Page): Merged {
  const fresh = new Map(page.items.map(problem => [problem.number, problem]));
  const known = new Set(items.map(problem => problem.number));
  const first = items.slice(0, page.items.length);
  return {
    items: items.map(problem => fresh.get(problem.number) ?? problem),
    moved: page.items.some(problem => !known.has(problem.number)) || first.some(problem => !fresh.has(problem.number)),
  };
}

/** The next page, without what the list already has (problems may have moved between two pages). */
export function append(items: Problem[], page: Page): Problem[] {
  const known = new Set(items.map(problem => problem.number));
  return [...items, ...page.items.filter(problem => !known.has(problem.number))];
}
