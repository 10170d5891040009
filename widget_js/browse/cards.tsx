/** The list itself: a card a problem, of which only those near the eyes stand in the document. */

import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Language } from "../shared/i18n.ts";
import { isOwnClick } from "../shared/click.ts";
import { preloadOn } from "../shared/preload.ts";
import { useSite, type Shown, type Site } from "../shared/site.ts";
import { pageOf } from "../shared/page.ts";
import { age } from "./age.ts";
import { Chips } from "../shared/ui/statusChip.tsx";
import { step, stretches, visible, type Range } from "./window.ts";

/** Cards drawn at once: those of the first answer. */
const FIRST = 20;
/** Pixels above and below the screen where cards stand ready: for a fast finger, and for finding in the page. */
const MARGIN = 3600;
/** Cards that stand however far the list is from the screen: those that come in sight first. */
const LEAST = 6;
/** Pixels below the screen at which the next answer is asked for. */
const NEAR = 1500;

interface Props {
  items: Shown[];
  /** Whether the list goes on after them. */
  more: boolean;
  sort: string | undefined;
  open: (number: number) => void;
  near: () => void;
}

/** `near`: the end of the list comes near the screen. */
export function Cards({ items, more, sort, open, near }: Props) {
  const { entries, host } = useSite();
  const most = entries ? Math.max(0, ...items.map(({ participants }) => participants || 0)) : 0;
  const box = useRef<HTMLDivElement>(null);
  const heights = useRef<number[]>([]);
  // The first answer at once, what follows little by little.
  const [range, setRange] = useState<Range>([0, FIRST]);
  const count = items.length;
  const look = () => {
    if (!box.current) return; // on its way out
    const { top, bottom, width } = box.current.getBoundingClientRect();
    if (!width) return; // hidden while a problem is open
    // Here, where the frame begins, the document is laid out; after drawing, each reading would lay it out once more.
    const known = heights.current;
    known.length = Math.min(known.length, count);
    for (const card of box.current.querySelectorAll<HTMLElement>("[data-index]")) {
      known[+card.dataset.index!] = card.offsetHeight;
    }
    const around = (margin: number) => visible(known, count, -margin - top, innerHeight + margin - top);
    const [from, to] = around(MARGIN);
    const wanted: Range = [from, Math.max(to, Math.min(count, from + LEAST))];
    const next = step(range, wanted, around(0));
    if (next.join() !== range.join()) setRange(next);
    if (known[count - 1] && bottom < innerHeight + NEAR) near();
    return next.join() !== wanted.join();
  };
  const latest = useRef(look);
  latest.current = look;

  useLayoutEffect(() => {
    let waiting = 0;
    const scrolled = () => {
      waiting =
        waiting ||
        requestAnimationFrame(() => {
          waiting = 0;
          if (latest.current()) scrolled();
        });
    };
    // Whatever scrolls, the dialog inside or the page outside: events of a shadow tree do not leave it.
    const places = [host.shadowRoot!, window];
    places.forEach(place => place.addEventListener("scroll", scrolled, { capture: true, passive: true }));
    // More problems, the next card, or another width. What is out of sight keeps the height it had until it is drawn
    // again.
    const watch = new ResizeObserver(scrolled);
    watch.observe(box.current!);
    return () => {
      cancelAnimationFrame(waiting);
      watch.disconnect();
      places.forEach(place => place.removeEventListener("scroll", scrolled, { capture: true }));
    };
  }, []);
  const active = host.shadowRoot!.activeElement;
  const focused = active && active.closest<HTMLElement>("[data-index]");
  return (
    <div role="list" class="cards" aria-labelledby="title" ref={box}>
      {/* One flat list of keys: an array within it would be made anew where a gap comes before it. */}
      {stretches(heights.current, count, range, focused ? +focused.dataset.index! : undefined).flatMap(
        ({ from, to, gap }) =>
          gap !== undefined ? (
            <div key={"gap" + from} style={`height:${gap}px`} />
          ) : (
            items
              .slice(from, to)
              .map((problem, index) => (
                <Item
                  key={problem.number}
                  problem={problem}
                  index={from + index}
                  size={more ? -1 : count}
                  sort={sort}
                  most={most}
                  open={open}
                />
              ))
          )
      )}
    </div>
  );
}

/** What the list is sorted by stands on the card. */
function sortedBy(
  { created_at, updated_at, answer_due, supporters }: Shown,
  sort: string | undefined,
  language: Language
): string {
  const { t, count, date } = language;
  return sort === "support"
    ? count("supporters", supporters)
    : sort === "due" && answer_due
      ? t("due", { date: date(answer_due) })
      : sort === "updated"
        ? t("updated", { when: age(language, updated_at) })
        : age(language, created_at);
}

/** A policy may forbid pictures: a card does without. */
const hide = ({ currentTarget }: Event) => ((currentTarget as HTMLElement).hidden = true);

interface ItemProps {
  problem: Shown;
  /** Where it stands in the whole list, from 0. */
  index: number;
  /** How long that is; -1: nobody knows yet (WAI-ARIA 1.2). */
  size: number;
  sort: string | undefined;
  most: number;
  open: (number: number) => void;
}

function Item({ problem, index, size, sort, most, open }: ItemProps) {
  const site = useSite();
  // The same elements while one only scrolls: Preact then leaves them alone.
  const card = useMemo(
    () =>
      site.entries ? (
        <site.entries.Card entry={problem} most={most} open={open} />
      ) : (
        <Card problem={problem} sort={sort} open={open} site={site} />
      ),
    [problem, sort, most, open, site]
  );
  return (
    <div role="listitem" data-index={index} aria-posinset={index + 1} aria-setsize={size}>
      {card}
    </div>
  );
}

function Card({ problem, sort, open, site }: Omit<ItemProps, "index" | "size" | "most"> & { site: Site }) {
  const { config, language } = site;
  const { t, date } = language;
  const [title] = problem.description.split("\n", 1);
  const follow = (event: MouseEvent) => {
    if (!isOwnClick(event)) return;
    event.preventDefault();
    open(problem.number);
  };
  // The card is one link: heard as its name, its parts must not run together.
  const stop = <i class="away">, </i>;
  const known = config.categories.find(({ code }) => code === problem.category);
  return (
    <a
      class="card beside"
      id={"problem-" + problem.number}
      // A real address: opening in a new tab and copying work as everywhere.
      href={pageOf(site, problem.number)}
      onClick={follow}
      {...preloadOn(site, "problem")}>
      {problem.photos[0] && (
        <img src={problem.photos[0].small || problem.photos[0].thumb} alt="" loading="lazy" onError={hide} />
      )}
      <strong class="card-title" lang={config.language}>
        {title}
      </strong>
      {stop}
      <span class="chips">
        <Chips problem={problem} />
      </span>
      {stop}
      <span class="muted" title={date(problem.created_at)}>
        {known ? known.name : problem.category} ·{" "}
        {problem.address ? <span lang={config.language}>{problem.address}</span> : t("no_address")} ·{" "}
        {sortedBy(problem, sort, language)}
      </span>
    </a>
  );
}
