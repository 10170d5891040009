/**
 * Leaflet 1.9.4 as our pages need it: a few lines of it are replaced while bundling, and the build stops where
 * one of them is gone, so that a newer release is looked at before it ships.
 */

import { readFile } from "node:fs/promises";

const CHANGES = {
  // A test for inline SVG assigns innerHTML when the module loads; under Trusted Types that throws. All our browsers pass it.
  "core/Browser.js": [["div.innerHTML = '<svg/>';", "div.appendChild(document.createElementNS('http://www.w3.org/2000/svg', 'svg'));"]],
  // While something is dragged it marks the body and the element under the pointer, which outside of the shadow root is
  // the host page's own, and listens on its window, which leaves a global there. The dragged thing can carry the mark,
  // and map.css keeps texts and pictures from being selected.
  "dom/Draggable.js": [
    ["DomUtil.addClass(document.body, 'leaflet-dragging');", "DomUtil.addClass(this._element, 'leaflet-dragging');"],
    ["DomUtil.removeClass(document.body, 'leaflet-dragging');", "DomUtil.removeClass(this._element, 'leaflet-dragging');"],
    ["this._lastTarget = e.target || e.srcElement;", "this._lastTarget = this._element;"],
    ["DomUtil.disableImageDrag();", ""], ["DomUtil.disableTextSelection();", ""],
    ["DomUtil.enableImageDrag();", ""], ["DomUtil.enableTextSelection();", ""],
  ],
  // The outline that it hides from mice, with another listener on the window, :focus-visible hides already.
  "map/Map.js": [["DomUtil.preventOutline(el);", ""]],
};
/** Methods nobody here calls, which a bundler cannot see: from the first line up to the second. */
const CUTS = {
  "map/Map.js": [["// @method flyTo(", "// @method setMaxBounds("], ["// @section Geolocation methods", "// @method addHandler("]],
};

/** The source of `file` (below leaflet/src) with the changes; throws where a line to change is not there exactly once. */
export function changed(file, source) {
  for (const [before, after] of CHANGES[file] || []) {
    if (source.split(before).length !== 2) throw new Error(`leaflet/src/${file} no longer says ${before}`);
    source = source.replace(before, () => after);
  }
  for (const [from, to] of CUTS[file] || []) {
    const start = source.indexOf(from), end = source.indexOf(to);
    if (start < 0 || end < start) throw new Error(`leaflet/src/${file} no longer says ${from} … ${to}`);
    source = source.slice(0, start) + source.slice(end);
  }
  return source;
}

export const leaflet = {
  name: "leaflet",
  setup: ({ onLoad }) => onLoad({ filter: /leaflet\/src\/.*\.js$/ }, async ({ path }) => ({
    contents: changed(path.split("leaflet/src/")[1], await readFile(path, "utf8")), loader: "js",
  })),
};
