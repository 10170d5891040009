/** The problems a filter finds, page after page; follows their changes, and nothing jumps while one reads. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Problem, Problems } from "../shared/contract.ts";
import { useSite } from "../shared/site.ts";
import { query, type Filters } from "../shared/filters.ts";
import { refresh, useFollow } from "../shared/polling.ts";
import { append, merge } from "./merge.ts";

export interface Found {
  items: Problem[];
  next?: string | null | undefined;
  /** The question these answer; null before the first answer. */
  of: string | null;
  /** Problems came: how many on the first page, and whether others went; shown when the reader asks. */
  fresh: number;
  moved: boolean;
  /** The last question was not answered, or the last page did not come. */
  failed?: boolean | undefined;
  /** How often an answer has told of a change: what else shows the city asks anew. */
  version: number;
}

/** As the loader writes it, so that its answer is this one's. */
const at = (question: string) => "/problems?" + question;

export function useProblems(filters: Filters, following: boolean) {
  const { api } = useSite();
  const [found, set] = useState<Found>({ items: [], of: null, fresh: 0, moved: false, version: 0 });
  const [busy, setBusy] = useState(false);
  const question = query(filters);
  // An answer to what is no longer asked must not come on screen.
  const asked = useRef(question);
  asked.current = question;
  const seen = useRef<{ question?: string; text?: string }>({});
  const take = (page: Problems, show: (before: Found) => Found) => {
    const text = JSON.stringify(page);
    // The first answer to a question tells of nothing new.
    const changed = +(seen.current.question === question && seen.current.text !== text);
    seen.current = { question, text };
    set(before => ({ ...show(before), version: before.version + changed }));
  };
  const mark = (failed?: boolean) => {
    if (asked.current === question) set(before => ({ ...before, failed }));
  };
  const fail = () => mark(true);
  const load = (ask: Promise<Problems>) => {
    // Another try that fails is told anew.
    mark();
    return ask.then(page => {
      if (asked.current === question)
        take(page, before => ({ ...before, items: page.items, next: page.next, of: question, fresh: 0, moved: false }));
    }, fail);
  };

  useLayoutEffect(() => {
    void load(api.get<Problems>(at(question), 1));
  }, [api, question]);
  useFollow(following && found.of === question, async () => {
    const page = await refresh<Problems>(api, at(question));
    if (asked.current === question) take(page, before => ({ ...before, ...merge(before.items, page) }));
  });

  const again = () => load(refresh<Problems>(api, at(question)));
  /** The next page; how many problems stood there before. */
  const more = async () => {
    if (busy || !found.next || found.of !== question) return;
    setBusy(true);
    mark();
    await api.get<Problems>(at(`${question}&cursor=${encodeURIComponent(found.next)}`)).then(page => {
      if (asked.current === question)
        set(before => ({ ...before, items: append(before.items, page), next: page.next }));
    }, fail);
    setBusy(false);
  };
  return { found, busy, waiting: found.of !== question, again, more };
}
