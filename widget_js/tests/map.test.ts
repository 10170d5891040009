import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { changed } from "../build/leaflet.mjs";
import { arrow, metresPerPixel, scale, spoken, tileAddress } from "../map/measure.ts";

const press = (key: string, change: Partial<KeyboardEvent> = {}) => arrow({ key, ...change } as KeyboardEvent, 10);
const source = async (file: string) =>
  readFile(new URL("../../node_modules/leaflet/src/" + file, import.meta.url), "utf8");

test("a pixel on the ground", () => {
  assert.equal(Math.round(metresPerPixel(0, 0)), 156_543);
  // The same zoom shows twice as much detail at 60 degrees.
  assert.equal((metresPerPixel(0, 15) / metresPerPixel(60, 15)).toFixed(6), "2.000000");
  assert.equal(metresPerPixel(55, 19).toFixed(3), "0.171");
});

test("a scale is round and fits", () => {
  assert.deepEqual(scale(1, 96), { metres: 50, width: 50 });
  assert.deepEqual(scale(2, 100), { metres: 200, width: 100 });
  assert.deepEqual(scale(0.171, 96), { metres: 10, width: 58 });
  for (let zoom = 0; zoom < 20; zoom++) {
    const { metres, width } = scale(metresPerPixel(55, zoom), 96);
    assert.match(String(metres), /^[125]0*$/);
    assert.ok(width <= 96 && width > 96 / 2.6, `${zoom}: ${width}`);
  }
});

test("a place in words, with the language's own point", () => {
  assert.equal(spoken({ lat: 55.09521, lng: 38.7 }, "ru"), "55,0952; 38,7000");
  assert.equal(spoken({ lat: -5.1, lng: 38.76884 }, "en-GB"), "-5.1000; 38.7688");
});

test("a tile's address", () =>
  assert.equal(
    tileAddress("https://w.test/tiles/{z}/{x}/{y}?v=1", { x: 5, y: 6, z: 3 }),
    "https://w.test/tiles/3/5/6?v=1"
  ));

test("arrows move, three times as far with Shift; the browser keeps its own keys", () => {
  assert.deepEqual(press("ArrowLeft"), [-10, 0]);
  assert.deepEqual(press("ArrowDown", { shiftKey: true }), [0, 30]);
  for (const own of ["ctrlKey", "altKey", "metaKey"]) assert.equal(press("ArrowUp", { [own]: true }), undefined, own);
  for (const key of ["Enter", "a"]) assert.equal(press(key), undefined, key);
});

test("Leaflet is changed where our pages need it", async () => {
  const browser = changed("core/Browser.js", await source("core/Browser.js"));
  assert.doesNotMatch(browser, /innerHTML|createElement/);
  const drag = changed("dom/Draggable.js", await source("dom/Draggable.js"));
  assert.doesNotMatch(drag, /document\.body|ImageDrag\(|TextSelection\(/);
  assert.equal(changed("geo/LatLng.js", "as it is"), "as it is");
});

test("what every browser of ours has is not asked for, and what the small module tells is all that is", async () => {
  const patched = changed("core/Browser.js", "");
  for (const file of [
    "map/Map.js",
    "layer/tile/GridLayer.js",
    "dom/DomEvent.js",
    "dom/DomUtil.js",
    "dom/Draggable.js"
  ]) {
    const asked = [...changed(file, await source(file)).matchAll(/\bBrowser\.(\w+)/g)].map(([, name]) => name!);
    for (const name of asked) assert.match(patched, new RegExp(`\\b${name}:`), `${file}: ${name}`);
  }
  assert.equal(changed("geo/LatLng.js", "a = Browser.any3d && !Browser.ielt9;"), "a = true && !false;");
});

test("what nobody calls is cut out, whole methods and no more", async () => {
  const map = changed("map/Map.js", await source("map/Map.js"));
  assert.doesNotMatch(map, /\t(flyTo|locate|zoomIn|getPanes|_handleGeolocation\w+): function/);
  for (const kept of [
    "setMaxBounds",
    "addHandler",
    "panInside",
    "remove",
    "panBy",
    "getCenter",
    "mouseEventToContainerPoint"
  ]) {
    assert.ok(map.includes(`\t${kept}: function`), kept);
  }
  const all = ["core/Events.js", "geo/LatLngBounds.js", "layer/Layer.js", "layer/tile/GridLayer.js"];
  for (const file of [...all, "map/Map.js"]) {
    const methods = (text: string) => text.match(/^\t\w+: function/gm)!.length;
    const [before, after] = [await source(file), changed(file, await source(file))];
    // Braces and brackets are as even as they were.
    assert.ok(methods(after) < methods(before), file);
    for (const pair of ["{}", "()"])
      assert.equal(after.split(pair[0]!).length, after.split(pair[1]!).length, file + pair);
  }
});

test("the build stops when a newer Leaflet says something else", async () => {
  assert.throws(() => changed("dom/Draggable.js", ""), /no longer says/);
  const layer = await source("layer/Layer.js");
  assert.throws(
    () => changed("layer/Layer.js", layer.replace("eachLayer: function", "each: function")),
    /Layer\.js no longer says eachLayer/
  );
});
