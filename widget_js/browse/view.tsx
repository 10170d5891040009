/**
 * The city's problems: figures, filters, list and map side by side, each the other's filter; and the one that is
 * open.
 */

import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { focusOn } from "../shared/focus.ts";
import { preloadOn } from "../shared/lazy.ts";
import { Icon } from "../shared/ui/icon.tsx";
import { logRefusal } from "../shared/ui/refusal.tsx";
import { useSite } from "../shared/site.ts";
import { Opened } from "./opened.tsx";
import { Address, hash } from "./address.ts";
import { Bar } from "./bar.tsx";
import { Collected, type CityProps } from "./collected.tsx";
import { Figures } from "./summary.tsx";
import type { Filters } from "../shared/filters.ts";
import { List } from "./list.tsx";
import { CityPlace } from "./mapPanel.tsx";
import { useProblems } from "./problems.ts";
import { useWidth } from "../shared/width.ts";

/** From here on list and map stand side by side; below the other, filters fold. In pixels of the widget's own. */
const WIDE = 900;
const NARROW = 600;

/** `active`: it can be seen. */
export function View({ active }: { active: boolean }) {
  const { figures, collection } = useSite().options;
  return figures ? (
    <Figures version={0} alone />
  ) : collection ? (
    <Collected active={active} City={City} Turn={Turn} />
  ) : (
    <City active={active} />
  );
}

/** The way to the form. */
function Turn() {
  const site = useSite();
  return (
    <nav class="turn">
      <button class="button" type="button" onClick={site.turn} {...preloadOn(site, "report")}>
        <Icon path="M4 20l1-5L16 4l4 4L9 19zM13 7l4 4" />
        {site.language.t("title")}
      </button>
    </nav>
  );
}

function City({ active, head, own }: CityProps) {
  const site = useSite();
  const {
    api,
    host,
    visible,
    options,
    language: { t }
  } = site;
  const address = useMemo(() => own || new Address(host, site.back), []);
  const begun = useMemo(() => address.read() || { filters: {} }, []);
  const [filters, setFilters] = useState<Filters>(begun.filters);
  const [number, setNumber] = useState(begun.problem || 0);
  const [mapped, setMapped] = useState(false);
  // The card that is pointed at, which the map shows.
  const [chosen, point] = useState(0);
  const [paused, setPaused] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const wide = width >= WIDE;
  const { found, busy, waiting, again, more } = useProblems(filters, active && !number && !paused);

  // Where the list stood when a problem was opened, to stand there again.
  const stood = useRef(0);
  const top = () => box.current!.getBoundingClientRect().top;
  const open = (chosen: number) => {
    stood.current = top();
    setNumber(chosen);
    address.write({ filters, problem: chosen }, true);
  };
  const returned = (from: number) => {
    setNumber(0);
    setTimeout(() => {
      const place = options.inline ? window : host.shadowRoot!.querySelector(".sheet")!;
      place.scrollBy(0, top() - stood.current);
      // Its card may be on another page of the list, or the look at it on the map.
      focusOn(host, "problem-" + from, "preview", "title");
    });
  };
  const back = () => {
    returned(number);
    address.back({ filters });
  };
  const latest = useRef(back);
  latest.current = back;
  useLayoutEffect(() => {
    site.setInner("browse", number ? () => latest.current() : undefined);
    return () => site.setInner("browse");
  }, [number]);
  const choose = (chosen: Filters, typed?: boolean) => {
    setFilters(chosen);
    address.write({ filters: chosen }, !typed);
  };
  // Reading asks for no challenge; the install check learns all the same that the widget was opened here, and the
  // webmaster, before a resident does, that nothing can be sent from it.
  useLayoutEffect(() => void api.seen().catch(error => logRefusal(options, error)), []);
  const now = useRef({ number, filters, visible });
  now.current = { number, filters, visible };
  // Opened by the way back or forward, it closes by it.
  const walked = useRef(false);
  // A dialog that is closed leaves the page's address as it was.
  const settle = () => {
    const { number: problem, filters, visible } = now.current;
    if (visible) return address.write({ filters, problem });
    walked.current = false;
    address.leave();
  };
  useLayoutEffect(
    () =>
      address.follow(shown => {
        if (!shown) return settle();
        const { number: before, visible } = now.current;
        const empty = !hash(shown);
        if (!visible) {
          if (empty) return;
          walked.current = true;
          site.open();
        } else if (empty && walked.current) return site.close();
        setFilters(shown.filters);
        if (shown.problem) setNumber(shown.problem);
        else if (before) returned(before);
      }),
    []
  );
  useLayoutEffect(settle, [visible]);
  useLayoutEffect(() => () => (own ? undefined : address.leave()), []);

  const pointed = (event: MouseEvent) => {
    const card = (event.target as Element).closest(".card");
    const now = card ? +card.id.slice("problem-".length) : 0;
    if (now !== chosen) point(now);
  };

  const view = (name: Parameters<typeof t>[0], map: boolean) => (
    <button
      type="button"
      class={mapped === map ? "pill on" : "pill"}
      aria-pressed={mapped === map}
      onClick={() => setMapped(map)}>
      {t(name)}
    </button>
  );
  // Beside the list, or where it is narrow over it: what moves the list must be seen together with it.
  const place = (wide || mapped) && found.of !== null && (
    <CityPlace
      filters={filters}
      version={found.version}
      paused={paused}
      chosen={chosen}
      open={open}
      moved={bbox => choose({ ...filters, bbox }, true)}
    />
  );
  return (
    <>
      {head || <Turn />}
      <div class="city" ref={box} hidden={!!number}>
        {!site.entries && <Figures version={found.version} />}
        <Bar
          filters={filters}
          narrow={width < NARROW}
          set={choose}
          views={
            !wide && (
              <div class="pills" role="group" aria-label={t("views")}>
                {view("view_list", false)}
                {view("view_map", true)}
              </div>
            )
          }
        />
        {!wide && place}
        <div class={wide ? "city-both" : ""}>
          <div id="list" tabIndex={-1} onMouseOver={wide ? pointed : undefined} onMouseLeave={() => point(0)}>
            <List
              found={found}
              filters={filters}
              busy={busy}
              waiting={waiting}
              paused={paused}
              pause={() => setPaused(!paused)}
              again={again}
              more={more}
              open={open}
              reset={() => choose({})}
            />
          </div>
          {wide && place}
        </div>
      </div>
      {number > 0 && <Opened key={number} number={number} active={active} open={open} />}
    </>
  );
}
