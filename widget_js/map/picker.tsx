/** The map of the form: where the pin stands is where the problem is. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { focus, focusOn, show } from "../shared/focus.ts";
import { useSite } from "../shared/site.ts";
import { CLOSE, isStill, limit } from "./core.ts";
import { Frame, useMap } from "./mapFrame.tsx";
import type { LatLng } from "./leaflet.ts";
import { spoken, type Point } from "./measure.ts";
import { MovablePin } from "./pin.ts";
import { Spot } from "./spot.ts";
import { Typed } from "./typed.tsx";

/** From farther away a touch is a hundred metres off. */
const NEAR = 16;
/** Milliseconds of rest before a place is read out: keys repeat. */
const REST = 400;

/**
 * `found`: what else than a press told the place, and how exactly, in metres; `parse` reads one that is typed;
 * `put(null)` takes the pin away. `#map` is what opened it.
 */
export function Picker({
  place,
  found,
  parse,
  put,
  close
}: {
  place: Point | null;
  found: { state?: string; accuracy?: number | undefined };
  parse: (text: string) => Point | null;
  put: (place: Point | null) => void;
  close: () => void;
}) {
  const {
    config,
    host,
    options,
    language: { t, locale }
  } = useSite();
  const ground = useMap(place);
  const { map, box } = ground;
  const pin = useRef<MovablePin | null>(null);
  const [message, setMessage] = useState("");
  const [typing, setTyping] = useState(false);
  const rest = useRef(0);
  const say = (text: () => string) => {
    clearTimeout(rest.current);
    rest.current = setTimeout(() => setMessage(text()), REST) as never;
  };
  const lat = place && place.lat,
    lng = place && place.lng;

  /** Puts the pin, or first comes so close that it can be meant exactly; what was pressed stays where it is. */
  const aim = (at: LatLng) => {
    if (map!.getZoom() >= NEAR) return put(at.wrap());
    map!.setZoomAround(at, NEAR, { animate: !isStill() });
    say(() => t("map_closely"));
  };

  useLayoutEffect(() => {
    // Whoever began to write the address while the map was on its way goes on writing.
    if (!(box.current!.getRootNode() as ShadowRoot).activeElement) {
      focus(box, { preventScroll: true });
      show(box.current!);
    }
    return () => clearTimeout(rest.current);
  }, []);
  useLayoutEffect(() => {
    if (map) map.on("click", event => aim(event.latlng));
  }, [map]);
  useLayoutEffect(() => {
    if (!map) return;
    if (!place) {
      // The pin was the device's, far away.
      if (found.state === "outside" && config.map) map.setView(config.map.center, config.map.zoom, { animate: false });
      if (pin.current) {
        say(() => t("map_removed"));
        pin.current.remove();
        pin.current = null;
      }
      return;
    }
    limit(map, (config.map && config.map.bbox) || null, place);
    if (pin.current) pin.current.move(place);
    else pin.current = new MovablePin(place, t("map_pin"), put).addTo(map);
    say(() => t("map_put", { place: spoken(place, locale) }));
    // Whoever named it otherwise wants to see it.
    if (found.state || !map.getBounds().contains(place))
      map.setView(place, Math.max(map.getZoom(), CLOSE), { animate: false });
  }, [map, lat, lng]);
  const spot = useRef<Spot | null>(null);
  useLayoutEffect(() => {
    if (!map || !place || !found.accuracy) return;
    spot.current = new Spot(place, found.accuracy).addTo(map);
    map.fitBounds(spot.current.bounds, { maxZoom: CLOSE, animate: !isStill() });
    // It is the device's word about that one place.
    return () => spot.current && void spot.current.remove();
  }, [map, found]);
  useLayoutEffect(() => {
    if (spot.current && !(place && spot.current.is(place))) spot.current.remove();
  }, [lat, lng]);

  const hide = () => {
    close();
    // What opened it is back after the next drawing.
    focusOn(host, "map");
  };
  const keys = (event: KeyboardEvent) => {
    if (!map || event.target !== box.current) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      aim(map.getCenter());
    } else if (!event.ctrlKey && /^Arrow|^[-_+=]$/.test(event.key)) {
      say(() => t("map_center", { place: spoken(map.getCenter(), locale), n: map.getZoom() }));
    }
  };
  return (
    <div class="picker">
      <p class="hint">
        {t(ground.blank ? "map_blank" : "map_hint")} {options.inline && <span class="touch">{t("map_fingers")}</span>}
      </p>
      <Frame {...ground} name={t("map_name")} keys={t("map_keys")} onKeyDown={keys}>
        <svg class="aim" viewBox="0 0 33 33" aria-hidden="true">
          <path d="M16.5 1v31M1 16.5h31" />
        </svg>
      </Frame>
      <div class="actions">
        {place && (
          <button
            class="link"
            type="button"
            onClick={() => {
              put(null);
              box.current!.focus({ preventScroll: true });
            }}>
            {t("map_remove")}
          </button>
        )}
        <button class="link" type="button" onClick={hide}>
          {t("map_hide")}
        </button>
        {!typing && (
          <button
            class="link"
            type="button"
            onClick={() => {
              setTyping(true);
              focusOn(host, "coordinates");
            }}>
            {t("coordinates_show")}
          </button>
        )}
      </div>
      {typing && <Typed place={place} parse={parse} put={put} />}
      <p class="away" role="status">
        {message}
      </p>
    </div>
  );
}
