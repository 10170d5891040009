/**
 * Leaflet 1.9.4 as our pages need it: a few lines of it are replaced while bundling, what no browser of ours asks and
 * nobody here calls is left out, and the build stops where one of these is gone, so that a newer release is looked at
 * before it ships.
 */

import { readFile } from "node:fs/promises";

/**
 * What every browser we support (docs, «Browsers») is or has, in place of tests for it. Theirs also assign innerHTML
 * when the module loads, which throws under Trusted Types. Touch events are missing only where there is nothing to
 * touch.
 */
const KNOWN = {
  any3d: true,
  touch: true,
  touchNative: true,
  pointer: true,
  passiveEvents: true,
  ie3d: false,
  ielt9: false,
  edge: false,
  mobileOpera: false,
  retina: false,
  safari: false
};
const BROWSER = `
const { platform, userAgent } = navigator;
export default {
  chrome: /chrome/i.test(userAgent), mac: /^Mac/.test(platform), linux: /^Linux/.test(platform),
  mobile: "orientation" in window || /mobile/i.test(userAgent),
};
`;
const CHANGES = {
  // While something is dragged it marks the body and the element under the pointer, which outside of the shadow root is
  // the host page's own, and listens on its window, which leaves a global there. The dragged thing can carry the mark,
  // and map.css keeps texts and pictures from being selected.
  "dom/Draggable.js": [
    ["DomUtil.addClass(document.body, 'leaflet-dragging');", "DomUtil.addClass(this._element, 'leaflet-dragging');"],
    [
      "DomUtil.removeClass(document.body, 'leaflet-dragging');",
      "DomUtil.removeClass(this._element, 'leaflet-dragging');"
    ],
    ["this._lastTarget = e.target || e.srcElement;", "this._lastTarget = this._element;"],
    ["DomUtil.disableImageDrag();", ""],
    ["DomUtil.disableTextSelection();", ""],
    ["DomUtil.enableImageDrag();", ""],
    ["DomUtil.enableTextSelection();", ""]
  ],
  "map/Map.js": [
    // The outline that it hides from mice, with another listener on the window, :focus-visible hides already.
    ["DomUtil.preventOutline(el);", ""],
    // Nobody has asked it for the place of the device: locate is left out.
    ["if (this._locationWatchId !== undefined) {\n\t\t\tthis.stopLocate();\n\t\t}", ""]
  ]
};
/** Methods nobody here calls, which a bundler cannot see. */
const UNCALLED = {
  "core/Events.js": ["addEventParent", "removeEventParent"],
  "geo/LatLngBounds.js": ["toBBoxString"],
  "layer/Layer.js": ["addInteractiveTarget", "removeInteractiveTarget", "getAttribution", "eachLayer"],
  "layer/tile/GridLayer.js": ["bringToFront", "bringToBack", "setZIndex", "isLoading", "redraw", "_keyToBounds"],
  "map/Map.js": [
    "zoomIn",
    "zoomOut",
    "fitWorld",
    "flyTo",
    "flyToBounds",
    "setMaxZoom",
    "locate",
    "stopLocate",
    "_handleGeolocationError",
    "_handleGeolocationResponse",
    "getPanes",
    "mouseEventToLatLng",
    "_latLngBoundsToNewLayerBounds"
  ]
};

/** `source` without what `pattern` finds there exactly once. */
function without(source, pattern, what) {
  const found = source.match(new RegExp(pattern, "gs"));
  if (!found || found.length !== 1) throw new Error(what);
  return source.replace(found[0], () => "");
}

/**
 * The source of `file` (below leaflet/src) with the changes; throws where a line to change is not there exactly once.
 */
export function changed(file, source) {
  if (file === "core/Browser.js") return BROWSER;
  source = source.replace(/\r/g, "");
  const gone = what => `leaflet/src/${file} no longer says ${what}`;
  for (const [before, after] of CHANGES[file] || []) {
    if (source.split(before).length !== 2) throw new Error(gone(before));
    source = source.replace(before, () => after);
  }
  // A method ends with the first brace that stands as far in as it begins.
  for (const name of UNCALLED[file] || [])
    source = without(source, `\\n\\t${name}: function \\(.*?\\n\\t},?(?=\\n)`, gone(name));
  return source.replace(/\bBrowser\.(\w+)/g, (whole, name) => (name in KNOWN ? KNOWN[name] : whole));
}

export const leaflet = {
  name: "leaflet",
  setup: ({ onLoad }) =>
    onLoad({ filter: /leaflet\/src\/.*\.js$/ }, async ({ path }) => ({
      contents: changed(path.split("leaflet/src/")[1], await readFile(path, "utf8")),
      loader: "js"
    }))
};
