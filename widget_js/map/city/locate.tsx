/** «Моё место»: where the device is, with how exactly it knows. */

import { useEffect, useRef, useState } from "preact/hooks";
import { T } from "../../i18n.ts";
import { Icon } from "../../parts/icon.tsx";
import { locatable } from "../../parts/locatable.ts";
import { useSite } from "../../parts/site.ts";
import { isStill } from "../core.ts";
import { LatLng, type Map } from "../leaflet.ts";
import { Spot } from "../spot.ts";

/** Houses and their numbers, and the streets around. */
const ZOOM = 16;

export function Locate({ map }: { map: Map | null }) {
  const { language: { t } } = useSite();
  const [state, set] = useState<{ busy?: boolean; text?: string; found?: boolean }>({});
  const spot = useRef<Spot | null>(null);
  const standing = useRef(true);
  useEffect(() => () => { standing.current = false; }, []);
  if (!locatable()) return null;
  const show = ({ coords: { latitude, longitude, accuracy } }: GeolocationPosition) => {
    if (!map || !standing.current) return;
    const here = new LatLng(latitude, longitude);
    const { maxBounds } = map.options;
    if (maxBounds && !(maxBounds as any).contains(here)) return set({ text: t(T.map_abroad) });
    set({ found: true, text: t(T.map_shown) });
    if (spot.current) spot.current.remove();
    spot.current = new Spot(here, Math.max(accuracy, 10)).addTo(map);
    map.setView(here, Math.max(map.getZoom(), ZOOM), { animate: !isStill() });
  };
  const locate = () => {
    set({ busy: true });
    navigator.geolocation.getCurrentPosition(show, ({ code }) => standing.current && set({ text: t(code === 1 ? T.map_denied : T.map_nowhere) }), {
      enableHighAccuracy: true, timeout: 15_000, maximumAge: 60_000,
    });
  };
  return <>
    <div class="zoom mine">
      <button type="button" aria-label={t(T.map_mine)} title={t(T.map_mine)} aria-disabled={state.busy ? "true" : undefined} onClick={locate}><Icon name="place" /></button>
    </div>
    <p class={state.text && !state.found ? "state mine-told" : "away"} role="status">{state.text}</p>
  </>;
}
