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

/** Degrees below which a cluster is one place: closer no map can look. */
const SPOT = 2e-5;
export const oneSpot = ([west, south, east, north]: Box): boolean => east - west < SPOT && north - south < SPOT;
