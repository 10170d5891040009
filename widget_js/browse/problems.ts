/** The problems a filter finds, page after page; follows their changes, and nothing jumps while one reads. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Problem, Problems } from "../shared/contract.ts";
import { query, type Filters } from "../shared/filters.ts";
import { useFollow } from "../shared/polling.ts";
import { useResource } from "../shared/resource.ts";
import { useSite } from "../shared/site.ts";
import { append, merge } from "./merge.ts";

interface List {
  items: Problem[];
  next?: string | null | undefined;
  /** The question these answer; null before the first answer. */
  of: string | null;
  /** Problems came: how many on the first page, and whether others went; shown when the reader asks. */
  fresh: number;
  moved: boolean;
}
export interface Found extends List {
  /** The last question was not answered, or the last page did not come. */
  failed: boolean;
  /** How often an answer has told of a change: what else shows the city asks anew. */
  version: number;
}

/** As the loader writes it, so that its answer is this one's. */
const pathOf = (question: string) => "/problems?" + question;

export function useProblems(filters: Filters, following: boolean) {
  const { api } = useSite();
  const [list, set] = useState<List>({ items: [], of: null, fresh: 0, moved: false });
  const [busy, setBusy] = useState(false);
  /** What was asked for by a press and did not come. */
  const [failed, fail] = useState<"again" | "more" | "">("");
  const question = query(filters);
  // The next page of what is no longer asked must not come on screen.
  const asked = useRef(question);
  asked.current = question;
  const first = useResource<Problems>(pathOf(question), { requested: 1 });
  /** Whoever has pressed waits for it: a look at the same meanwhile would take its place. */
  const renewal = useRef<ReturnType<typeof first.retry>>(undefined);
  useFollow(following && list.of === question, { ...first, refresh: () => renewal.current || first.refresh() });
  const begin = ({ items, next }: Problems) => set({ items, next, of: question, fresh: 0, moved: false });
  useLayoutEffect(() => {
    const { data } = first;
    if (!data || first.of !== pathOf(question)) return;
    if (list.of === question) set(before => ({ ...before, ...merge(before.items, data) }));
    else begin(data);
  }, [first.data, first.of]);

  /** The first page as it is now, with what came and without what went. */
  const again = async () => {
    fail("");
    renewal.current = renewal.current || first.retry().finally(() => (renewal.current = undefined));
    const page = await renewal.current;
    if (asked.current !== question) return;
    if (page) begin(page);
    else if (page === false) fail("again");
  };
  /** The next page. */
  const more = async () => {
    if (busy || !list.next || list.of !== question) return;
    setBusy(true);
    fail("");
    try {
      const page = await api.get<Problems>(pathOf(`${question}&cursor=${encodeURIComponent(list.next)}`));
      if (asked.current === question)
        set(before => ({ ...before, items: append(before.items, page), next: page.next }));
    } catch {
      if (asked.current === question) fail("more");
    }
    setBusy(false);
  };
  useLayoutEffect(() => fail(""), [question]);
  // News that do not come are not missed.
  const unanswered = !!first.error && first.of !== pathOf(question);
  const found: Found = { ...list, failed: !!failed || unanswered, version: first.changes };
  const retry = () => (failed === "more" ? more() : again());
  return { found, busy, waiting: list.of !== question, again, more, retry };
}
