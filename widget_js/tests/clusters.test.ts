import assert from "node:assert/strict";
import { test } from "node:test";
import {
  across,
  down,
  groups,
  keys,
  oneSpot,
  path,
  size,
  snapped,
  spread,
  walked,
  type Box
} from "../map/overview/view.ts";

const TOWN: Box = [38.74, 55.085, 38.8, 55.11];
const shifted = ([west, south, east, north]: Box, by: number): Box => [west + by, south, east + by, north];

test("what is asked for holds the view with a margin, and small pans ask for the same", () => {
  const asked = snapped(TOWN, 14);
  const pixel = 360 / 256 / 2 ** 14;
  assert.ok(asked[0] <= TOWN[0] - 64 * pixel && asked[2] >= TOWN[2] + 64 * pixel);
  assert.ok(asked[1] < TOWN[1] && asked[3] > TOWN[3]);
  assert.ok(asked[2] - asked[0] <= TOWN[2] - TOWN[0] + 640 * pixel);
  assert.deepEqual(snapped(shifted(TOWN, 4 * pixel), 14), asked);
  assert.notDeepEqual(snapped(shifted(TOWN, 256 * pixel), 14), asked);
  // Its edges are those of tiles.
  const column = ((asked[0] + 180) / 360) * 2 ** 14;
  assert.ok(Math.abs(column - Math.round(column)) < 1e-6);
});

test("nothing is asked for beyond the world", () => {
  const [west, south, east, north] = snapped([-200, -89, 200, 89], 3);
  assert.deepEqual([west, east], [-180, 180]);
  assert.ok(north < 85.06 && south > -85.06);
});

test("the path holds the filters, but neither a box of theirs nor an order", () => {
  const made = path({ status: "new", sort: "due", bbox: "1,2,3,4", q: "яма" }, TOWN, 14);
  const given = new URLSearchParams(made.split("?")[1]);
  assert.deepEqual([...given.keys()], ["status", "q", "bbox", "zoom"]);
  assert.equal(given.get("bbox")!.split(",").length, 4);
  assert.match(given.get("bbox")!, /^38\.\d{1,5},55\.\d{1,5},38\.\d{1,5},55\.\d{1,5}$/);
  assert.equal(given.get("zoom"), "14");
});

test("a cluster is made of groups, in the order of a problem's life", () => {
  assert.deepEqual(groups({ resolved: 3, accepted: 1, confirmed: 2, planned: 4 }), [
    ["new", 1],
    ["working", 4],
    ["done", 5]
  ]);
  assert.deepEqual(groups({ rejected: 1 }), [["closed", 1]]);
  // One that a later release of the service has.
  assert.deepEqual(groups({ paused: 2 } as never), [["new", 2]]);
});

test("sizes step with the count", () =>
  assert.deepEqual([2, 9, 10, 99, 100, 999, 1000, 5_000_000].map(size), [0, 0, 1, 1, 2, 2, 3, 3]));

test("one walks row by row from the north-west to the south-east", () => {
  const at = (lat: number, lng: number) => ({ lat, lng });
  const north = [at(55.12, 38.7), at(55.1201, 38.75)],
    south = [at(55.08, 38.69), at(55.08, 38.8)];
  assert.deepEqual(walked([south[1]!, north[1]!, south[0]!, north[0]!], 14), [...north, ...south]);
});

test("a mark stays the same while its number changes", () => {
  const one = { count: 1, number: 7, lat: 55.1, lng: 38.75 },
    many = { count: 24, lat: 55.09, lng: 38.76 };
  const before = keys([one, many], 14);
  assert.deepEqual(
    keys(
      [
        { ...one, lat: 55.2 },
        { ...many, count: 25 }
      ],
      14
    ),
    before
  );
  assert.notDeepEqual(keys([one, many], 15)[1], before[1]);
  assert.equal(new Set(keys([many, many, one], 14)).size, 3);
});

test("a cluster of one spot cannot open", () => {
  assert.ok(oneSpot([38.75, 55.1, 38.75, 55.1]));
  assert.ok(!oneSpot([38.75, 55.1, 38.7501, 55.1]));
});

test("marks that would cover each other part, and no others move", () => {
  const at = (lng: number, count = 1) => ({ lat: 55, lng: 38 + lng * (360 / 256 / 2 ** 18), count });
  const marks = [at(0), at(0), at(3, 2000), at(10), at(200), at(400), at(0, 0)];
  const found = spread(marks, 18);
  assert.deepEqual(found.slice(4), marks.slice(4));
  const half = [22, 22, 33, 22];
  const places = found
    .slice(0, 4)
    .map(({ lat, lng }): [number, number] => [across(lng) * 2 ** 26, down(lat) * 2 ** 26]);
  places.forEach(([x, y], one) =>
    places.slice(0, one).forEach(([left, top], other) => {
      const apart = Math.max(Math.abs(x - left), Math.abs(y - top));
      assert.ok(apart > half[one]! + half[other]! - 11, `${one} and ${other}: ${apart}`);
    })
  );
});
