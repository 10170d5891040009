/** A map on a site's ground, whoever uses it: its tiles or the drawn grid, its bounds, its gestures, its end. */

import type { Configuration } from "../shared/contract.ts";
import { GridLayer, LatLngBounds, Map } from "./leaflet.ts";
import type * as Leaflet from "leaflet";
import { arrow, tileAddress, type Point } from "./measure.ts";

export const ZOOMS = [3, 19] as const;
/** A zoom at which houses can be told apart. */
export const CLOSE = 17;
/** Pixels an arrow key moves the map by. */
const STEP = 80;
/** How far around the site's bounds there are tiles, of their width, and a tile more; the service has a little more. */
const SERVED = 0.2;
/** What is shown where nothing is known: a country from afar. */
const NOWHERE = { center: [56, 40] as [number, number], zoom: ZOOMS[0], bbox: null, tiles: null, max_zoom: null };

type Ground = NonNullable<Configuration["map"]>;

export const isStill = (): boolean => matchMedia("(prefers-reduced-motion: reduce)").matches;

export const bounds = ([west, south, east, north]: [number, number, number, number]) =>
  new LatLngBounds([south, west], [north, east]);

/** Squares of the ground, each with its picture where the site has tiles. A picture that fails leaves its square. */
class Squares extends GridLayer {
  private readonly template: string | null | undefined;
  private readonly area: LatLngBounds | null;

  constructor({ tiles, bbox, max_zoom }: Pick<Ground, "tiles" | "max_zoom"> & { bbox: Ground["bbox"] | null }) {
    // Closer than the tiles go, those of their last zoom are stretched.
    super({ maxZoom: ZOOMS[1], maxNativeZoom: max_zoom || ZOOMS[1], keepBuffer: 1, updateWhenZooming: false });
    this.template = tiles;
    this.area = bbox ? bounds(bbox).pad(SERVED) : null;
    // A picture that is no longer wanted need not finish its way.
    this.on(
      "tileunload",
      ({ tile }: Leaflet.TileEvent) => tile.firstChild && (tile.firstChild as Element).removeAttribute("src")
    );
  }

  override createTile(coords: Leaflet.Coords, done: Leaflet.DoneCallback): HTMLElement {
    const square = document.createElement("div");
    const ready = () => done(undefined, square);
    const picture = this.picture(coords);
    if (picture) {
      const ended = (event: Event) => {
        this._map && this._map.fire(event.type === "load" ? "drawn" : "missing");
        ready();
      };
      picture.addEventListener("load", ended);
      picture.addEventListener("error", ended);
      square.append(picture);
    } else {
      // The layer knows the square only after it is returned.
      void Promise.resolve().then(ready);
    }
    return square;
  }

  /** Far outside of the site's bounds the service has nothing, so it is not asked. */
  private picture(coords: Leaflet.Coords): HTMLImageElement | null {
    const size = this.getTileSize();
    const corner = coords.scaleBy(size);
    const covered = new LatLngBounds(
      this._map.unproject(corner, coords.z),
      this._map.unproject(corner.add(size), coords.z)
    );
    if (!this.template || (this.area && !this.area.overlaps(covered.pad(1)))) return null;
    const picture = new Image();
    picture.alt = "";
    picture.src = tileAddress(this.template, coords);
    return picture;
  }
}

/**
 * A map in `element`, which has its size already, at a `place` and its zoom, or on the site's view. `shared`: the
 * element stands in a page that scrolls, so that one finger scrolls the page and two move the map. The wheel zooms only
 * while the map has the focus, or with Ctrl, which is also what a pinch on a touch pad sends. It fires `drawn` and
 * `missing` for each picture of the ground. End it with `remove()`.
 */
export function createMap(
  element: HTMLElement,
  ground: Ground | null | undefined,
  place: (Point & { zoom: number }) | null,
  shared: boolean
): Map {
  const { center, zoom, bbox, tiles, max_zoom } = ground || NOWHERE;
  const animated = !isStill();
  const map = new Map(element, {
    minZoom: ZOOMS[0],
    maxZoom: ZOOMS[1],
    zoomAnimation: animated,
    fadeAnimation: false,
    inertia: animated,
    trackResize: false,
    bounceAtZoomLimits: false
  });
  map.setView(place || center, (place || { zoom }).zoom, { animate: false });
  if (bbox) {
    map.setMinZoom(Math.max(ZOOMS[0], map.getBoundsZoom(bounds(bbox)) - 1));
    limit(map, bbox, place);
  }
  map.addLayer(new Squares({ tiles, bbox, max_zoom }));
  guard(map, element, shared);
  return map;
}

/** The view comes back to around the site's bounds when it is dragged away; a `place` out there can still be seen. */
export function limit(map: Map, bbox: Ground["bbox"] | null, place: Point | null): void {
  if (!bbox) return;
  const around = bounds(bbox).pad(0.5);
  map.setMaxBounds(place ? around.extend(place) : around);
}

/** Gestures and keys that belong to the page go on to it; the size follows the element. */
function guard(map: Map, element: HTMLElement, shared: boolean): void {
  const outer = element.parentElement!;
  const capture = { capture: true };
  outer.addEventListener(
    "wheel",
    event => {
      if (!event.ctrlKey && !element.matches(":focus-within")) event.stopPropagation();
    },
    capture
  );
  if (shared) {
    outer.addEventListener(
      "pointerdown",
      ({ pointerType }) => {
        if (pointerType === "mouse") map.dragging.enable();
        else map.dragging.disable();
      },
      capture
    );
    // Two fingers are ours: without this the browser scrolls by them as well.
    outer.addEventListener(
      "touchmove",
      event => {
        if (event.touches.length > 1 && event.cancelable) event.preventDefault();
      },
      { passive: false }
    );
  }
  element.addEventListener("keydown", event => {
    const way = arrow(event, STEP);
    const zoom =
      event.ctrlKey || event.altKey || event.metaKey
        ? 0
        : "+=".includes(event.key)
          ? 1
          : "-_".includes(event.key)
            ? -1
            : 0;
    // The pin's arrows are its own.
    if (event.defaultPrevented || !(way || zoom)) return;
    event.preventDefault();
    if (way) map.panBy(way, { animate: !isStill() });
    else map.setZoom(map.getZoom() + zoom);
  });
  const size = new ResizeObserver(() => {
    if (element.clientWidth) map.invalidateSize({ animate: false });
  });
  size.observe(element);
  map.on("unload", () => size.disconnect());
}
