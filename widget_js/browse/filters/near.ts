/** «Рядом со мной»: the square around a place. */

/** Metres from the middle to each side. */
const REACH = 1_000;
const METRES_PER_DEGREE = 111_320;

/**
 * west,south,east,north in degrees; four digits are ten metres: an address that is passed on need not say more of
 * where somebody stood.
 */
export function around(lat: number, lng: number): string {
  const up = REACH / METRES_PER_DEGREE;
  const aside = up / Math.cos((lat * Math.PI) / 180);
  return [lng - aside, lat - up, lng + aside, lat + up].map(degrees => degrees.toFixed(4)).join();
}
