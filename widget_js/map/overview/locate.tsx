/** «Моё место»: where the device is, with how exactly it knows. */

import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Icon } from "../../shared/ui/icon.tsx";
import { getPosition, locatable } from "../../shared/geolocation.ts";
import { useSite } from "../../shared/site.ts";
import { isStill } from "../core.ts";
import { LatLng, type Map } from "../leaflet.ts";
import { Spot } from "../spot.ts";

/** Houses and their numbers, and the streets around. */
const ZOOM = 16;

export function Locate({ map }: { map: Map | null }) {
  const {
    session,
    language: { t }
  } = useSite();
  const [state, set] = useState<{ busy?: boolean; text?: string; found?: boolean }>({});
  const spot = useRef<Spot | null>(null);
  // A map that is drawn anew, in another language, is another one.
  const gone = useMemo(() => new AbortController(), []);
  useLayoutEffect(() => () => gone.abort(), []);
  if (!locatable()) return null;
  const show = ({ coords: { latitude, longitude, accuracy } }: GeolocationPosition) => {
    if (!map || session.closed().aborted) return;
    const here = new LatLng(latitude, longitude);
    const { maxBounds } = map.options;
    if (maxBounds && !(maxBounds as any).contains(here)) return set({ text: t("map_abroad") });
    set({ found: true, text: t("map_shown") });
    if (spot.current) spot.current.remove();
    spot.current = new Spot(here, Math.max(accuracy, 10)).addTo(map);
    map.setView(here, Math.max(map.getZoom(), ZOOM), { animate: !isStill() });
  };
  const locate = () => {
    set({ busy: true });
    getPosition(gone.signal, { enableHighAccuracy: true, maximumAge: 60_000 }).then(show, ({ code }) =>
      set({ text: t(code === 1 ? "map_denied" : "map_nowhere") })
    );
  };
  return (
    <>
      <div class="zoom mine">
        <button
          type="button"
          aria-label={t("map_mine")}
          title={t("map_mine")}
          aria-disabled={state.busy ? "true" : undefined}
          onClick={locate}>
          <Icon name="place" />
        </button>
      </div>
      <p class={state.text && !state.found ? "state near-state" : "away"} role="status">
        {state.text}
      </p>
    </>
  );
}
