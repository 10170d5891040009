/** The parts of Leaflet a map here needs, imported one by one: the whole of it is twice as large. */

export { Map } from "leaflet/src/map/Map.js";
export { Layer } from "leaflet/src/layer/Layer.js";
export { GridLayer } from "leaflet/src/layer/tile/GridLayer.js";
export { Draggable } from "leaflet/src/dom/Draggable.js";
export { getPosition, setPosition } from "leaflet/src/dom/DomUtil.js";
export { LatLng } from "leaflet/src/geo/LatLng.js";
export { LatLngBounds } from "leaflet/src/geo/LatLngBounds.js";
// These add themselves to every map. The keys are ours (core.ts): theirs listen on the host's document.
import "leaflet/src/map/handler/Map.DoubleClickZoom.js";
import "leaflet/src/map/handler/Map.Drag.js";
import "leaflet/src/map/handler/Map.ScrollWheelZoom.js";
import "leaflet/src/map/handler/Map.TouchZoom.js";
