/** The list with all it may have to say instead: that it loads, is empty, failed, is offline, has changed. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { link } from "../shared/links.ts";
import { focusOn } from "../shared/focus.ts";
import { Failed } from "../shared/ui/failure.tsx";
import { Icon } from "../shared/ui/icon.tsx";
import { useSite } from "../shared/site.ts";
import { Cards } from "./cards.tsx";
import { query, type Filters } from "../shared/filters.ts";
import type { Found } from "./problems.ts";
import { Words } from "../shared/ui/words.tsx";

/** Pages that come by themselves after one that was asked for. */
const FOLLOWING = 2;

interface Props {
  found: Found;
  filters: Filters;
  busy: boolean;
  /** The answer to the present question is under way. */
  waiting: boolean;
  paused: boolean;
  pause: () => void;
  again: () => Promise<void>;
  more: () => Promise<void>;
  /** Asks for what did not come. */
  retry: () => Promise<void>;
  open: (number: number) => void;
  reset: () => void;
}

export function List({ found, filters, busy, waiting, paused, pause, again, more, retry, open, reset }: Props) {
  const {
    config,
    host,
    language: { t, count, number }
  } = useSite();
  const { items, next, of, fresh, moved, failed } = found;
  // A press brings a page; where it was a pointer's, more follow while one scrolls. Then there is the button again:
  // what stands below the list can be reached, with keys or a reader always.
  const [eager, setEager] = useState(0);
  const near = () => {
    if (!eager || failed || busy || !next) return;
    setEager(eager - 1);
    void more();
  };
  const press = async (event: MouseEvent) => {
    setEager(event.detail && FOLLOWING);
    const last = items.length;
    await more();
    // The button may be gone: the first of the new ones is where one reads on.
    readOn(last);
  };
  const readOn = (at: number) =>
    setTimeout(() => {
      const first = latest.current.items[at];
      if (first) focusOn(host, "problem-" + first.number);
    });
  const latest = useRef({ items, failed, retry });
  latest.current = { items, failed, retry };
  // A card that an answer takes away, or draws anew, takes the focus with it.
  const active = host.shadowRoot!.activeElement;
  useLayoutEffect(() => {
    if (active && !active.isConnected && active.closest("[role=listitem]")) focusOn(host, active.id, "title");
  });
  // What did not come is asked for when the connection is back; when it goes, to say so.
  useLayoutEffect(() => {
    const askAgain = () => {
      if (latest.current.failed) void latest.current.retry();
    };
    addEventListener("online", askAgain);
    addEventListener("offline", askAgain);
    return () => {
      removeEventListener("online", askAgain);
      removeEventListener("offline", askAgain);
    };
  }, []);
  const asked = query(filters);
  // The first list speaks for itself; from the first change of the filter on it is said what came of it.
  const first = useRef(of);
  const turned = useRef(false);
  if (first.current === null) first.current = of;
  const changed = (turned.current ||= first.current !== of || !!asked);
  const result =
    of === null || waiting || !changed
      ? ""
      : !items.length
        ? t("list_nothing")
        : next
          ? t("list_first", { n: number(items.length) })
          : count("list_found", items.length);
  const show = async () => {
    await again();
    readOn(0);
  };

  if (of === null && !failed)
    return (
      <div role="status" class="cards">
        <span class="away">{t("loading_list")}</span>
        {Array.from({ length: 6 }, (_, index) => (
          <div key={index} class="ghost" />
        ))}
      </div>
    );
  return (
    <div>
      <p class={items.length ? "found muted" : "away"} role="status">
        <Words>{result}</Words>
      </p>
      <div role="status" class="news">
        {(fresh > 0 || moved) && (
          <button class="button quiet" type="button" onClick={show}>
            {fresh ? count("list_new", fresh) : t("list_changed")}
          </button>
        )}
      </div>
      {failed &&
        (navigator.onLine ? (
          <Failed text={t("list_failed")} retry={retry}>
            <a href={link(config.links.site)}>{t("unavailable_link")}</a>
          </Failed>
        ) : (
          <p class="notice" role="alert">
            <Icon name="alert" />
            <span>{t(items.length ? "offline_old" : "offline")}</span>
          </p>
        ))}
      {of !== null && !items.length && !waiting && (
        <div class="panel">
          <h3>{t(asked ? "list_nothing" : "list_empty_title")}</h3>
          <p>{t(asked ? "list_nothing_hint" : "list_empty")}</p>
          {asked && (
            <p class="actions">
              <button
                class="button quiet"
                type="button"
                onClick={() => {
                  reset();
                  focusOn(host, "q");
                }}>
                {t("reset")}
              </button>
            </p>
          )}
        </div>
      )}
      {items.length > 0 && (
        <div aria-busy={waiting ? "true" : undefined} class={waiting ? "stale" : undefined}>
          <Cards key={of} items={items} more={!!next} sort={filters.sort} open={open} near={near} />
        </div>
      )}
      {next && !waiting && (
        <button class="button quiet wide" type="button" aria-disabled={busy || undefined} onClick={press}>
          {t("list_more")}
        </button>
      )}
      {of !== null && !next && items.length > 20 && <p class="muted">{t("list_end")}</p>}
      {items.length > 0 && (
        <button class="link pause" type="button" onClick={pause}>
          {t(paused ? "resume" : "pause")}
        </button>
      )}
    </div>
  );
}
