/** Where an element of ours lies on the map. */

import type * as Leaflet from "leaflet";
import { LatLng, setPosition } from "./leaflet.ts";
import type { Point } from "./measure.ts";

/** Puts the element's origin on a place; while a zoom is animated, where the place is going to be. */
export function put(map: Leaflet.Map, element: HTMLElement, { lat, lng }: Point, coming?: Leaflet.ZoomAnimEvent): void {
  const at = new LatLng(lat, lng);
  setPosition(
    element,
    coming ? (map as any)._latLngToNewLayerPoint(at, coming.zoom, coming.center).round() : map.latLngToLayerPoint(at)
  );
}
