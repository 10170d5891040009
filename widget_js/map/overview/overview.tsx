/** The map of the city's problems: where they are, how they cluster, and a first look at each. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Mark, Outline, Problem } from "../../shared/contract.ts";
import type { Filters } from "../../shared/filters.ts";
import { statusLabel } from "../../shared/statusStyle.ts";
import { focus, focusOn } from "../../shared/focus.ts";
import { useResource } from "../../shared/resource.ts";
import { useSite } from "../../shared/site.ts";
import { bounds, isStill, ZOOMS } from "../core.ts";
import { Frame, useMap } from "../mapFrame.tsx";
import { LatLng } from "../leaflet.ts";
import { border } from "./border.ts";
import { useClusters } from "./clusters.ts";
import { Locate } from "./locate.tsx";
import { Marks, type Placed, type Seen } from "./marks.ts";
import { useMoves } from "./moves.ts";
import { Preview } from "./preview.tsx";
import { States } from "./states.tsx";
import { groups, oneSpot, path, type Box } from "./view.ts";

/** Milliseconds a problem must be pointed at in the list before the map looks for it. */
const DWELL = 150;
const GROUP_TEXTS = { working: "map_working", done: "map_done", closed: "map_closed" } as const;

/** One for the moment counts nothing: a cluster has counted it. `dated`: an answer is awaited by a date. */
const placed = ({ number, status, overdue, category, location, description }: Problem, dated: boolean): Placed => ({
  count: 0,
  number,
  status,
  overdue: overdue && dated,
  category,
  title: description.split("\n", 1)[0]!,
  ...location!
});

/**
 * `chosen`: the problem pointed at in the list. `open` shows one. `moved` hears which box is shown,
 * west,south,east,north, whenever the visitor has moved the map; a `bbox` in the filters that did not come from there
 * is looked at, and when it is taken back the map looks where it did before. Another `version`: what is shown has
 * changed somewhere; `paused`: the visitor wants to see no changes for now.
 */
export function CityMap({
  filters,
  version,
  paused,
  chosen,
  open,
  moved
}: {
  filters: Filters;
  version?: number;
  paused?: boolean;
  chosen?: number;
  open(number: number): void;
  moved(bbox: string): void;
}) {
  const { config, entries, host, language } = useSite();
  const { t, count, number } = language;
  const ground = useMap(null);
  const { map } = ground;
  const { box, moveSilently, sent } = useMoves(map, moved);
  const [marks, setMarks] = useState<Marks | null>(null);
  const [picked, pick] = useState<Placed | null>(null);
  const [alone, setAlone] = useState<Placed | null>(null);
  const [seen, setSeen] = useState<Seen | null>(null);
  const question = map && box ? path(filters, box, map.getZoom()) : "";
  const { answer, failed, retry } = useClusters(question, paused, version);

  const category = (code?: string) => {
    const found = config.categories.find(one => one.code === code);
    return found ? found.name : code!;
  };
  const name = ({ count: n, status, overdue, category: code, title, statuses }: Mark) => {
    if (n > 1) {
      const parts = groups(statuses || {}).map(([group, of]) =>
        group === "new" ? count("map_new", of) : t(GROUP_TEXTS[group], { n: number(of) })
      );
      return [count("map_cluster", n), ...parts].join(", ");
    }
    const state = [statusLabel(status!, language), overdue && t("overdue")].filter(Boolean).join(", ");
    return `${category(code)}, ${state.toLowerCase()}: ${title}`;
  };
  /** What was pressed comes free of what is said about it, which is so high. */
  const free = (height: number) =>
    moveSilently(() =>
      map!.panInside(picked!, {
        paddingTopLeft: [64, 48],
        paddingBottomRight: [64, Math.min(height + 64, map!.getSize().y - 72)],
        animate: !isStill()
      })
    );
  const press = (mark: Placed) => {
    if (!map) return;
    if (mark.number || oneSpot(mark.bbox!) || map.getZoom() >= ZOOMS[1]) return pick(mark);
    pick(null);
    const extent = bounds(mark.bbox!);
    // At least one closer: a cluster as wide as the view would open into itself.
    const zoom = Math.max(map.getZoom() + 1, Math.min(ZOOMS[1], map.getBoundsZoom(extent.pad(0.2))));
    map.setView(extent.getCenter(), zoom, { animate: !isStill() });
  };
  const words = useRef({ name, number, press });
  words.current = { name, number, press };

  useLayoutEffect(() => {
    if (!map) return;
    const made = new Marks({
      lang: config.language,
      name: mark => words.current.name(mark),
      number: n => words.current.number(n),
      press: mark => words.current.press(mark)
    });
    map.addLayer(made);
    setMarks(made);
  }, [map]);
  // Beside the clusters, and nobody waits for it.
  const { data: outline } = useResource<Outline>(map && config.map && config.map.outlined && "/area");
  useLayoutEffect(() => {
    if (map && outline) map.addLayer(border(outline));
  }, [map, outline]);
  // A box somebody else asked for.
  const before = useRef<[LatLng, number] | null>(null);
  // Where nobody said where the city lies, its problems do.
  const lost = useRef(!config.map && !filters.bbox);
  useLayoutEffect(() => {
    if (!map) return;
    const { bbox } = filters;
    if (bbox && bbox !== sent.current) {
      before.current = before.current || [map.getCenter(), map.getZoom()];
      moveSilently(() => map.fitBounds(bounds(bbox.split(",").map(Number) as Box), { animate: false }));
    } else {
      const back = !bbox && before.current;
      // Who has moved the map since stays there.
      before.current = null;
      if (!back) return;
      const [middle, zoom] = back;
      lost.current = !config.map;
      moveSilently(() => map.setView(middle, zoom, { animate: false }));
    }
  }, [map, filters.bbox]);
  useLayoutEffect(() => {
    if (!map || !marks || !answer) return;
    const all = answer.clusters.features.map(
      ({
        geometry: {
          coordinates: [lng, lat]
        },
        properties
      }): Placed => ({ ...properties, overdue: properties.overdue && !entries, lat, lng })
    );
    if (lost.current && all.length) {
      lost.current = false;
      moveSilently(() =>
        map.fitBounds(
          all
            .map(({ lat, lng, bbox }) => (bbox ? bounds(bbox) : new LatLng(lat, lng).toBounds(0)))
            .reduce((whole, one) => whole.extend(one))
            .pad(0.1),
          { maxZoom: 15, animate: false }
        )
      );
    }
    const extra = alone && !all.some(mark => mark.number === alone.number) ? [alone] : [];
    marks.show([...all, ...extra], answer.zoom);
    setSeen(marks.seen());
  }, [marks, answer, alone]);
  useLayoutEffect(() => {
    if (marks && seen !== null) setSeen(marks.seen());
  }, [box]);
  const lit = chosen || (picked && picked.number) || undefined;
  useLayoutEffect(() => {
    if (marks) marks.light(lit);
  }, [marks, lit, answer, alone]);

  // What the list points at: its own mark, or one for the moment; looked for when it lies outside.
  const { data: pointed, of: pointedAt } = useResource<Problem>(!!map && !!chosen && "/problems/" + chosen, {
    rest: DWELL
  });
  useLayoutEffect(() => {
    if (!map || !chosen || pointedAt !== "/problems/" + chosen) return setAlone(null);
    if (!pointed || !pointed.location) return;
    setAlone(placed(pointed, !entries));
    if (!map.getBounds().pad(-0.05).contains(pointed.location))
      moveSilently(() => map.panTo(pointed.location!, { animate: !isStill() }));
  }, [map, chosen, pointed]);

  const close = () => {
    pick(null);
    if (marks) marks.focus(picked ? picked.number : undefined);
  };
  const keys = (event: KeyboardEvent) => {
    // Here it closes the preview, not the dialog around.
    if (event.key !== "Escape" || !picked) return;
    event.preventDefault();
    event.stopPropagation();
    close();
  };
  return (
    <div class="city-ground" onKeyDown={keys}>
      <button class="link skip" type="button" onClick={() => focusOn(host, "list")}>
        {t("map_skip")}
      </button>
      <Frame {...ground} name={t("map_city")} keys={t("map_city_keys")}>
        <Locate map={map} />
        <States
          answer={answer}
          seen={seen}
          failed={failed}
          again={() => {
            focus(ground.box);
            void retry();
          }}
          busy={!!question && (!answer || answer.path !== question)}
        />
        {picked && (
          <Preview
            key={picked.number || picked.lat + "," + picked.lng}
            mark={picked}
            filters={filters}
            category={category}
            open={open}
            close={close}
            grown={free}
          />
        )}
      </Frame>
    </div>
  );
}
