import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { changed } from "../map/leaflet-plugin.mjs";
import { arrow, metresPerPixel, scale, spoken, tileAddress } from "../map/measure.ts";

const press = (key: string, change: Partial<KeyboardEvent> = {}) => arrow({ key, ...change } as KeyboardEvent, 10);
const source = async (file: string) => readFile(new URL("../../node_modules/leaflet/src/" + file, import.meta.url), "utf8");

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
  assert.equal(tileAddress("https://w.test/tiles/{z}/{x}/{y}?v=1", { x: 5, y: 6, z: 3 }), "https://w.test/tiles/3/5/6?v=1"));

test("arrows move, three times as far with Shift; the browser keeps its own keys", () => {
  assert.deepEqual(press("ArrowLeft"), [-10, 0]);
  assert.deepEqual(press("ArrowDown", { shiftKey: true }), [0, 30]);
  for (const own of ["ctrlKey", "altKey", "metaKey"]) assert.equal(press("ArrowUp", { [own]: true }), undefined, own);
  for (const key of ["Enter", "a"]) assert.equal(press(key), undefined, key);
});

test("Leaflet is changed where our pages need it", async () => {
  const browser = changed("core/Browser.js", await source("core/Browser.js"));
  assert.doesNotMatch(browser, /innerHTML = '<svg/);
  assert.match(browser, /createElementNS/);
  const drag = changed("dom/Draggable.js", await source("dom/Draggable.js"));
  assert.doesNotMatch(drag, /document\.body|ImageDrag\(|TextSelection\(/);
  assert.equal(changed("geo/LatLng.js", "as it is"), "as it is");
});

test("what nobody calls is cut out", async () => {
  const map = changed("map/Map.js", await source("map/Map.js"));
  assert.doesNotMatch(map, /flyTo:|locate:|_handleGeolocation\w+:/);
  for (const kept of ["setMaxBounds:", "addHandler:", "panInside:", "remove:"]) assert.ok(map.includes(kept), kept);
  assert.throws(() => changed("map/Map.js", "DomUtil.preventOutline(el);"), /flyTo/);
});

test("the build stops when a newer Leaflet says something else", async () => {
  const browser = await source("core/Browser.js");
  assert.throws(() => changed("core/Browser.js", browser.replace("<svg/>", "<svg></svg>")), /core\/Browser\.js no longer says/);
  assert.throws(() => changed("dom/Draggable.js", ""), /no longer says/);
});
