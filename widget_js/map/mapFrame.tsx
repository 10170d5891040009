/** A map's place in the page: the ground with its zoom buttons, scale and source, and words for those who use keys. */

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { useSite } from "../shared/site.ts";
import { CLOSE, createMap, ZOOMS } from "./core.ts";
import type { Map } from "./leaflet.ts";
import { metresPerPixel, scale, type Point } from "./measure.ts";

/** The longest a scale gets, in pixels. */
const SCALE = 96;

/**
 * A map for as long as the component stands: its element's `box`, itself once it is there, and where it looks. `blank`:
 * there are no pictures to find one's way by, or none has come. `zoom` around a place; `scrolled`: it stands in what
 * one scrolls, by default where the widget stands in the page.
 */
export function useMap(place: Point | null, { zoom = CLOSE, scrolled }: { zoom?: number; scrolled?: boolean } = {}) {
  const { config, options } = useSite();
  const box = useRef<HTMLDivElement>(null);
  const [map, setMap] = useState<Map | null>(null);
  const [view, setView] = useState<{ zoom: number; lat: number }>({ zoom: 0, lat: 0 });
  const shared = scrolled || options.inline;
  const [blank, setBlank] = useState(!config.map || !config.map.tiles);
  useLayoutEffect(() => {
    const made = createMap(box.current!, config.map, place && { ...place, zoom }, shared);
    const look = () => setView({ zoom: made.getZoom(), lat: made.getCenter().lat });
    made.on("zoomend moveend", look);
    made.once("missing", () => setBlank(true));
    made.once("drawn", () => setBlank(false));
    look();
    setMap(made);
    return () => made.remove();
  }, []);
  return { box, map, view, blank, shared };
}

/** The form's map and the city's may both stand in the widget, each with words of its own. */
let frames = 0;

/** `name` and `keys` say what it is and what keys do; `children` lie over the map. */
export function Frame({
  box,
  map,
  view,
  shared,
  name,
  keys,
  onKeyDown,
  children
}: ReturnType<typeof useMap> & {
  name: string;
  keys: string;
  onKeyDown?: (event: KeyboardEvent) => void;
  children?: ComponentChildren;
}) {
  const {
    config,
    language: { t, number }
  } = useSite();
  const id = useRef("keys-" + ++frames).current;
  const bar = map && scale(metresPerPixel(view.lat, view.zoom), SCALE);
  const button = (label: string, by: number, path: string) => {
    const end = map && (by > 0 ? view.zoom >= ZOOMS[1] : view.zoom <= map.getMinZoom());
    return (
      <button
        type="button"
        aria-label={label}
        aria-disabled={end ? "true" : undefined}
        onClick={() => map && map.setZoom(view.zoom + by)}>
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
          <path d={path} />
        </svg>
      </button>
    );
  };
  return (
    <div class={shared ? "map shared" : "map"}>
      <div
        class="ground"
        ref={box}
        tabIndex={0}
        role="application"
        aria-label={name}
        aria-describedby={id}
        onKeyDown={onKeyDown}
      />
      <p class="keys" id={id}>
        {keys}
      </p>
      {children}
      <div class="zoom">
        {button(t("map_closer"), 1, "M5 12h14M12 5v14")}
        {button(t("map_farther"), -1, "M5 12h14")}
      </div>
      <p class="source">
        {bar && (
          <span class="scale" style={`width:${bar.width}px`}>
            {bar.metres < 1000
              ? t("map_metres", { n: number(bar.metres) })
              : t("map_kilometres", { n: number(bar.metres / 1000) })}
          </span>
        )}
        {config.map && config.map.attribution && <span lang={config.language}>{config.map.attribution}</span>}
      </p>
    </div>
  );
}
