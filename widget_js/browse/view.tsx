/**
 * The city's problems: figures, filters, list and map side by side, each the other's filter; and the one that is
 * open.
 */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { outer } from "../loader/host.ts";
import { focusOn } from "../shared/focus.ts";
import { preloadOn } from "../shared/preload.ts";
import { Icon } from "../shared/ui/icon.tsx";
import { logRefusal } from "../shared/ui/refusal.tsx";
import { useSite } from "../shared/site.ts";
import { Opened } from "./opened.tsx";
import { useAddress, useOwnAddress } from "./address.ts";
import { Bar } from "./bar.tsx";
import { Collected, type CityProps } from "./collected.tsx";
import { Figures } from "./summary.tsx";
import type { Filters } from "../shared/filters.ts";
import { List } from "./list.tsx";
import { CityMapPanel } from "./mapPanel.tsx";
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
    <Collected active={active} City={City} ReportLink={ReportLink} />
  ) : (
    <Problems active={active} />
  );
}

function Problems({ active }: { active: boolean }) {
  useOwnAddress(false);
  return <City active={active} />;
}

/** The ways to the form, and to the person's own reports; of entries of a collection there are none. */
function ReportLink() {
  const site = useSite();
  const { t } = site.language;
  return (
    <nav class="turn">
      <button class="button" type="button" onClick={() => site.turn("report")} {...preloadOn(site, "report")}>
        <Icon path="M4 20l1-5L16 4l4 4L9 19zM13 7l4 4" />
        {t("title")}
      </button>
      {!site.entries && (
        <button class="link" type="button" onClick={() => site.turn("mine")} {...preloadOn(site, "mine")}>
          {t("mine")}
        </button>
      )}
    </nav>
  );
}

function City({ active, head }: CityProps) {
  const site = useSite();
  const {
    api,
    host,
    options,
    setStepBack,
    language: { t }
  } = site;
  const address = useAddress();
  const { filters, problem: number = 0 } = address.shown;
  // The city's own page opens the map that it shows a picture of.
  const [mapped, setMapped] = useState((outer(host) as HTMLElement).dataset.start === "map");
  // The card that is pointed at, which the map shows.
  const [chosen, point] = useState(0);
  const [paused, setPaused] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const wide = width >= WIDE;
  const { found, busy, waiting, again, more, retry } = useProblems(filters, active && !number && !paused);

  // Where the list stood when a problem was opened, to stand there again.
  const stood = useRef(0);
  const top = () => box.current!.getBoundingClientRect().top;
  const open = (chosen: number) => {
    stood.current = top();
    address.openProblem(chosen);
  };
  const before = useRef(number);
  useLayoutEffect(() => {
    const from = before.current;
    before.current = number;
    if (number || !from) return;
    setTimeout(() => {
      const scroller = options.inline ? window : host.shadowRoot!.querySelector(".sheet")!;
      if (box.current) scroller.scrollBy(0, top() - stood.current);
      // Its card may be on another page of the list, or the look at it on the map.
      focusOn(host, "problem-" + from, "preview", "title");
    });
  }, [number]);
  useLayoutEffect(() => {
    setStepBack("browse", number ? () => address.closeProblem() : undefined);
    return () => setStepBack("browse");
  }, [!number]);
  const choose = (chosen: Filters, typed?: boolean) => address.choose(chosen, typed);
  // Reading asks for no challenge; the install check learns all the same that the widget was opened here, and the
  // webmaster, before a resident does, that nothing can be sent from it.
  useLayoutEffect(() => void api.seen().catch(error => logRefusal(options, error)), []);

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
    <CityMapPanel
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
      {head || <ReportLink />}
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
              retry={retry}
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
