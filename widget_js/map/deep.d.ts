/** Types of the deep imports: those of the whole. */

declare module "leaflet/src/map/Map.js" {
  export { Map } from "leaflet";
}
declare module "leaflet/src/layer/Layer.js" {
  export { Layer } from "leaflet";
}
declare module "leaflet/src/layer/tile/GridLayer.js" {
  export { GridLayer } from "leaflet";
}
declare module "leaflet/src/dom/Draggable.js" {
  export { Draggable } from "leaflet";
}
declare module "leaflet/src/dom/DomUtil.js" {
  export function getPosition(element: HTMLElement): import("leaflet").Point;
  export function setPosition(element: HTMLElement, point: import("leaflet").Point): void;
}
declare module "leaflet/src/geo/LatLng.js" {
  export { LatLng } from "leaflet";
}
declare module "leaflet/src/geo/LatLngBounds.js" {
  export { LatLngBounds } from "leaflet";
}
declare module "leaflet/src/map/handler/*.js" {}
declare module "*/leaflet.mjs" {
  export function changed(file: string, source: string): string;
}
