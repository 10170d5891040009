/** The published problems of the city; follows their changes without a reload, and nothing jumps. */

import { useEffect, useState } from "preact/hooks";
import type { Page, Problem } from "../contract.ts";
import { T } from "../i18n.ts";
import { Failed } from "../parts/failed.tsx";
import { focusOn } from "../parts/hooks.ts";
import { warm } from "../parts/later.ts";
import { useSite } from "../parts/site.ts";
import { age } from "./age.ts";
import { Chips } from "./chip.tsx";
import { refresh, useFollow } from "./follow.ts";
import { append, merge } from "./merge.ts";

interface State { items: Problem[]; next?: string | null | undefined; moved?: boolean; failed?: boolean; loaded?: boolean }

export function List({ active, open }: { active: boolean; open: (number: number) => void }) {
  const { api, host, language: { t } } = useSite();
  const [state, setState] = useState<State>({ items: [] });
  const [busy, setBusy] = useState(false);
  const show = (page: Page) => setState({ items: page.items, next: page.next, loaded: true });
  const load = (ask: Promise<Page>) => ask.then(show, () => setState(before => ({ ...before, failed: true })));

  useEffect(() => { void load(api.get<Page>("/problems", 1)); }, [api]);
  useFollow(active && !!state.loaded, async () => {
    const page = await refresh<Page>(api, "/problems");
    setState(before => ({ ...before, ...merge(before.items, page) }));
  });
  const more = async () => {
    if (busy) return;
    setBusy(true);
    const last = state.items.length;
    await api.get<Page>("/problems?cursor=" + encodeURIComponent(state.next!)).then(
      page => {
        setState(before => ({ ...before, items: append(before.items, page), next: page.next, failed: false }));
        // The button may be gone: the first of the new ones is where one reads on.
        const [first] = append(state.items, page).slice(last);
        if (first) focusOn(host, "problem-" + first.number);
      },
      () => setState(before => ({ ...before, failed: true })));
    setBusy(false);
  };

  const { items, next, moved, failed, loaded } = state;
  return <div>
    <div role="status">{moved && <button class="button quiet wide" type="button" onClick={() => void load(refresh<Page>(api, "/problems"))}>{t(T.list_changed)}</button>}</div>
    {!loaded && !failed && <p class="muted" role="status">{t(T.loading_list)}</p>}
    {loaded && !items.length && <p class="panel">{t(T.list_empty)}</p>}
    {items.length > 0 && <ul class="cards">{items.map(problem => <Card key={problem.number} problem={problem} open={open} />)}</ul>}
    {failed && <Failed text={t(T.list_failed)} retry={() => next ? more() : load(refresh<Page>(api, "/problems"))} />}
    {next && <button class="button quiet wide" type="button" aria-disabled={busy || undefined} onClick={more}>{t(T.list_more)}</button>}
    {loaded && !next && items.length > 20 && <p class="muted">{t(T.list_end)}</p>}
  </div>;
}

function Card({ problem, open }: { problem: Problem; open: (number: number) => void }) {
  const { config, options: { service, key }, language } = useSite();
  const { t, date } = language;
  const [title] = problem.description.split("\n", 1);
  // A real address: opening in a new tab and copying work as everywhere.
  const address = `${service}/s/${key}/problems/${problem.number}`;
  const follow = (event: MouseEvent) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button) return;
    event.preventDefault();
    open(problem.number);
  };
  return <li>
    <a class="card" id={"problem-" + problem.number} href={address} onClick={follow} {...warm("problem", language.locale)}>
      {problem.photos[0] && <img src={problem.photos[0].thumb} alt="" />}
      <strong class="card-title">{title}</strong>
      <span class="chips"><Chips problem={problem} /></span>
      <span class="chips">
        <span class="muted">{config.categories.find(({ code }) => code === problem.category)?.name ?? problem.category}</span>
        <span class="muted">{problem.address || t(T.no_address)}</span>
        <time class="muted" dateTime={problem.created_at} title={date(problem.created_at)}>{age(language, problem.created_at)}</time>
      </span>
    </a>
  </li>;
}
