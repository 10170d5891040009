/** A first look at what was pressed: one problem, or all of one place. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Problem, Problems } from "../../shared/contract.ts";
import { isOwnClick } from "../../shared/click.ts";
import { Chips } from "../../shared/ui/statusChip.tsx";
import { query, type Filters } from "../../shared/filters.ts";
import { focus, show } from "../../shared/focus.ts";
import { Icon } from "../../shared/ui/icon.tsx";
import { pageOf } from "../../shared/page.ts";
import { useSite, type Shown } from "../../shared/site.ts";
import type { Placed } from "./marks.ts";
import { written, type Box } from "./view.ts";

/** Degrees around one place that still are it: its box is rounded. */
const AROUND = 1e-5;
/** As many as the service gives at once; more on one spot are told as a number. */
const MOST = 100;

/** `grown` hears how high it is, whenever there is more to say. */
export function Preview({
  mark,
  filters,
  category,
  open,
  close,
  grown
}: {
  mark: Placed;
  filters: Filters;
  category: (code?: string) => string;
  open(number: number): void;
  close: () => void;
  grown(height: number): void;
}) {
  const site = useSite();
  const {
    api,
    config,
    language: { t, count, number }
  } = site;
  const title = useRef<HTMLHeadingElement>(null);
  const [one, setOne] = useState<Problem | null>(null);
  const [many, setMany] = useState<Shown[] | null>(null);
  const [failed, fail] = useState(false);
  const load = () => {
    fail(false);
    const failing = () => fail(true);
    if (mark.number) return void api.get<Problem>("/problems/" + mark.number).then(setOne, () => {});
    const [west, south, east, north] = mark.bbox!;
    const bbox = written([west - AROUND, south - AROUND, east + AROUND, north + AROUND] as Box);
    void api
      .get<Problems>(`/problems?${query({ ...filters, bbox })}&limit=${MOST}`)
      .then(({ items }) => setMany(items), failing);
  };
  useLayoutEffect(() => {
    load();
    focus(title, { preventScroll: true });
  }, []);

  useLayoutEffect(() => {
    const box = title.current!.parentElement!;
    grown(box.offsetHeight);
    show(box);
  }, [one, many]);

  const way = (of: number) => ({
    // A real address: opening in a new tab and copying work as everywhere.
    href: pageOf(site, of),
    onClick(event: MouseEvent) {
      if (!isOwnClick(event)) return;
      event.preventDefault();
      open(of);
    }
  });
  const alone = mark.number!;
  return (
    <section class="preview" aria-labelledby="preview">
      <button class="round" type="button" aria-label={t("close")} onClick={close}>
        <Icon name="close" />
      </button>
      <h3 id="preview" ref={title} tabIndex={-1} lang={alone ? config.language : undefined}>
        {alone ? mark.title : count("map_here", mark.count)}
      </h3>
      {alone ? (
        <>
          <p class="chips">
            <Chips problem={mark as unknown as Problem} />
          </p>
          <p class="muted">
            {category(mark.category)}
            {one && one.address ? <span lang={config.language}> · {one.address}</span> : "\u00a0"}
          </p>
          <a class="button" {...way(alone)}>
            {t("map_open")}
          </a>
        </>
      ) : (
        <ul>
          {(many || []).map(problem => (
            <li key={problem.number}>
              <a {...way(problem.number)} lang={config.language}>
                {problem.title || problem.description.split("\n", 1)[0]}
              </a>
              <span class="chips">
                <Chips problem={problem} />
              </span>
            </li>
          ))}
          {many && mark.count > many.length && (
            <li class="muted">{t("map_more", { n: number(mark.count - many.length) })}</li>
          )}
        </ul>
      )}
      {!alone && !many && (
        <p class="muted" role="status">
          {failed ? t("map_unloaded") : t("map_loading")}{" "}
          {failed && (
            <button
              class="link"
              type="button"
              onClick={() => {
                focus(title);
                load();
              }}>
              {t("retry")}
            </button>
          )}
        </p>
      )}
    </section>
  );
}
