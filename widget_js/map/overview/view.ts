/**
 * The sums behind the map of the city: what to ask for, what a cluster is made of, in which order one walks the
 * marks.
 */

import type { Mark, Status } from "../../shared/contract.ts";
import { GROUPS, query, type Filters, type Group } from "../../shared/filters.ts";

/** west, south, east, north in degrees. */
export type Box = [number, number, number, number];

/** The square world map of zoom 0 has sides of one; tiles of 256 px cut it in 2 ** zoom. */
const TILE = 256;
/** Web Mercator ends there. */
const POLE = 85.05112;
export const across = (lng: number): number => (lng + 180) / 360;
export const down = (lat: number): number => {
  const sine = Math.sin((Math.max(-POLE, Math.min(POLE, lat)) * Math.PI) / 180);
  return 0.5 - Math.log((1 + sine) / (1 - sine)) / 4 / Math.PI;
};
const latitude = (y: number): number => (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI;

/** Pixels around the view that are asked for as well. */
const MARGIN = 64;

/** The tiles that hold the view and a little around it: small pans ask for the same, and so does everybody else. */
export function snapped([west, south, east, north]: Box, zoom: number): Box {
  const tiles = 2 ** zoom;
  const margin = MARGIN / TILE;
  const low = (share: number) => Math.max(0, Math.floor(share * tiles - margin)) / tiles;
  const high = (share: number) => Math.min(tiles, Math.ceil(share * tiles + margin)) / tiles;
  return [
    low(across(west)) * 360 - 180,
    latitude(high(down(south))),
    high(across(east)) * 360 - 180,
    latitude(low(down(north)))
  ];
}

/** As the API writes a box; five digits are a metre. */
export const written = (box: Box): string => box.map(degrees => +degrees.toFixed(5)).join();

/** Below the site's address. The map looks where it looks, and knows no order. */
export const path = (filters: Filters, box: Box, zoom: number): string =>
  "/clusters?" +
  [query({ ...filters, bbox: "", sort: "" }), `bbox=${written(snapped(box, zoom))}`, "zoom=" + zoom]
    .filter(Boolean)
    .join("&");

/**
 * How many of each group, in the order a problem goes through them; none that are empty. A status of a later version
 * counts as new.
 */
export function groups(statuses: Partial<Record<Status, number>>): [Group, number][] {
  const names = Object.keys(GROUPS) as Group[];
  const counts = names.map(() => 0);
  for (const status of Object.keys(statuses) as Status[]) {
    const at = Math.max(
      0,
      names.findIndex(name => (GROUPS[name] as Status[]).includes(status))
    );
    counts[at] = counts[at]! + statuses[status]!;
  }
  return names.map((name, at): [Group, number] => [name, counts[at]!]).filter(([, count]) => count);
}

/** Which of four sizes a mark of so many gets. */
export const size = (count: number): number => Math.min(3, Math.floor(Math.log10(count)));

/** Pixels of the rows in which marks are walked through. */
const ROW = 56;

/** From the north-west to the south-east, row by row, as one reads. */
export function walked<T extends { lat: number; lng: number }>(marks: T[], zoom: number): T[] {
  const row = ({ lat }: T) => Math.floor((down(lat) * TILE * 2 ** zoom) / ROW);
  return marks.slice().sort((one, other) => row(one) - row(other) || one.lng - other.lng);
}

/**
 * What stays the same while numbers change: a problem's number; of a cluster the square, a quarter of a tile, that
 * holds its middle. Two in one square are told apart by their order.
 */
export function keys(marks: (Mark & { lat: number; lng: number })[], zoom: number): string[] {
  const squares = 2 ** zoom * 4;
  const seen: Record<string, number> = {};
  return marks.map(({ number, lat, lng }) => {
    const key = number
      ? "n" + number
      : [zoom, Math.floor(across(lng) * squares), Math.floor(down(lat) * squares)].join();
    seen[key] = (seen[key] || 0) + 1;
    return seen[key] > 1 ? key + "," + seen[key] : key;
  });
}

/** Half the width of a mark of each size (map.css). */
const HALF = [22, 24, 28, 33];
/** Pixels by which marks may overlap: two neighbours leave 24 of the smallest one's 44 (WCAG 2.2, 2.5.8). */
const OVERLAP = 10;
/** How often all marks are compared; after that, those of a crowd overlap as they do. */
const ROUNDS = 60;

/**
 * The marks with those that cover each other pushed apart, each along the shorter way. All others stay, and so does one
 * that counts nothing: it stands above the others for a moment.
 */
export function spread<T extends { count: number; lat: number; lng: number }>(marks: T[], zoom: number): T[] {
  const pixels = TILE * 2 ** zoom;
  const spots = marks.map(({ lat, lng }, at) => {
    // Problems at one address part in all directions: they begin on a spiral of a hundredth of a pixel.
    const [x, y] = [Math.cos(at * 2.4), Math.sin(at * 2.4)].map(way => (way * at) / 100);
    return [across(lng) * pixels + x!, down(lat) * pixels + y!] as [number, number];
  });
  const moved = new Set<number>();
  for (let round = 0, crowded = true; crowded && round < ROUNDS; round++) {
    crowded = false;
    spots.forEach((one, at) => {
      for (let next = at + 1; next < spots.length; next++) {
        const other = spots[next]!;
        if (!(marks[at]!.count && marks[next]!.count)) continue;
        const room = HALF[size(marks[at]!.count)]! + HALF[size(marks[next]!.count)]! - OVERLAP;
        const [x, y] = [room - Math.abs(other[0] - one[0]), room - Math.abs(other[1] - one[1])];
        if (Math.min(x, y) < 0.5) continue;
        const axis = x < y ? 0 : 1;
        const push = (Math.min(x, y) / 2) * (other[axis] < one[axis] ? -1 : 1);
        one[axis] -= push;
        other[axis] += push;
        moved.add(at).add(next);
        crowded = true;
      }
    });
  }
  return marks.map((mark, at) =>
    moved.has(at) ? { ...mark, lng: (spots[at]![0] / pixels) * 360 - 180, lat: latitude(spots[at]![1] / pixels) } : mark
  );
}

/** Degrees below which a cluster is one place: closer no map can look. */
const SPOT = 2e-5;
export const oneSpot = ([west, south, east, north]: Box): boolean => east - west < SPOT && north - south < SPOT;
