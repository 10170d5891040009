/** A small map of one place, to be looked at: it stands in what one scrolls, and shows what is around. */

import { useLayoutEffect } from "preact/hooks";
import { useSite } from "../shared/site.ts";
import { Frame, useMap } from "./mapFrame.tsx";
import { spoken, type Point } from "./measure.ts";
import { Pin } from "./pin.ts";

/** A zoom at which a district's streets surround the place. */
const AROUND = 16;

export function PlaceMap({ place, address }: { place: Point; address: string | null }) {
  const {
    language: { t, locale }
  } = useSite();
  const ground = useMap(place, { zoom: AROUND, scrolled: true });
  const { map } = ground;
  useLayoutEffect(() => {
    if (map) map.addLayer(new Pin(place));
  }, [map]);
  return (
    <Frame {...ground} name={t("map_place", { place: address || spoken(place, locale) })} keys={t("map_place_keys")} />
  );
}
