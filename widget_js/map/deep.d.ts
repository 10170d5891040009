/** Types of the deep imports: those of the whole. */

declare module "leaflet/src/map/Map.js" { export { Map } from "leaflet"; }
declare module "leaflet/src/layer/Layer.js" { export { Layer } from "leaflet"; }
declare module "leaflet/src/layer/tile/GridLayer.js" { export { GridLayer } from "leaflet"; }
declare module "leaflet/src/layer/marker/Marker.js" { export { Marker } from "leaflet"; }
declare module "leaflet/src/layer/marker/DivIcon.js" { export { DivIcon } from "leaflet"; }
declare module "leaflet/src/geo/LatLng.js" { export { LatLng } from "leaflet"; }
declare module "leaflet/src/geo/LatLngBounds.js" { export { LatLngBounds } from "leaflet"; }
declare module "leaflet/src/map/handler/*.js" {}
declare module "*/leaflet-plugin.mjs" { export function changed(file: string, source: string): string; }
