/** The pin: a real button that is dragged by finger or mouse and moved by arrow keys. */

import { DivIcon, Marker, type Map } from "./leaflet.ts";
import { arrow, type Point } from "./measure.ts";
import { isStill } from "./core.ts";

/** Pixels an arrow key moves the pin by; its size, and where its tip is. */
const STEP = 8, SIZE = [44, 52] as [number, number], TIP = [22, 50] as [number, number];
const SVG = "http://www.w3.org/2000/svg";

function drawing(): SVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 44 52");
  svg.setAttribute("aria-hidden", "true");
  for (const d of ["M22 50C18 43 7 32 7 20a15 15 0 0 1 30 0c0 12-11 23-15 30z", "M22 26a6 6 0 1 0 0-12 6 6 0 0 0 0 12z"]) {
    svg.appendChild(document.createElementNS(SVG, "path")).setAttribute("d", d);
  }
  return svg;
}

/** Adds a pin named `name` to the map; `moved` is told where it was left. */
export function addPin(map: Map, place: Point, name: string, moved: (place: Point) => void): Marker {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "pin";
  button.setAttribute("aria-label", name);
  button.append(drawing());
  const marker = new Marker(place, {
    icon: new DivIcon({ html: button, className: "", iconSize: SIZE, iconAnchor: TIP }),
    draggable: true, autoPan: true, autoPanOnFocus: false, keyboard: false,
  });
  const see = () => map.panInside(marker.getLatLng(), { padding: [SIZE[1], SIZE[1]], animate: !isStill() });
  marker.on("dragend", () => moved(marker.getLatLng()));
  // Listening keeps a press on the pin from putting it where its head is; a key's press (no click counts) looks at it.
  marker.on("click", ({ originalEvent }) => {
    if (!originalEvent.detail) map.panTo(marker.getLatLng(), { animate: !isStill() });
  });
  button.addEventListener("focus", () => button.matches(":focus-visible") && see());
  button.addEventListener("keydown", event => {
    const way = arrow(event, STEP);
    if (!way) return;
    event.preventDefault();
    marker.setLatLng(map.containerPointToLatLng(map.latLngToContainerPoint(marker.getLatLng()).add(way)));
    see();
    moved(marker.getLatLng());
  });
  return marker.addTo(map);
}
