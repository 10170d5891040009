/** What a map reckons without a map: the length of its scale, places in words, addresses of tiles. */

export interface Point {
  lat: number;
  lng: number;
}

/** Metres along the equator, and degrees around it. */
const EQUATOR = 40_075_016.686;
const TILE = 256;

/** Metres that one CSS pixel covers on a web map at this latitude. */
export const metresPerPixel = (latitude: number, zoom: number): number =>
  (EQUATOR * Math.cos((latitude * Math.PI) / 180)) / (TILE * 2 ** zoom);

/** The longest round length (1, 2 or 5 and zeros) of metres that `width` pixels hold, and its own width in pixels. */
export function scale(metres: number, width: number): { metres: number; width: number } {
  const most = metres * width;
  const power = 10 ** Math.floor(Math.log10(most));
  const round = [5, 2, 1].find(times => times * power <= most)! * power;
  return { metres: round, width: Math.round(round / metres) };
}

/** «55,0952; 38,7688»: four digits are eleven metres, enough to hear; the report carries six. */
export function spoken({ lat, lng }: Point, locale: string): string {
  const format = new Intl.NumberFormat(locale, { minimumFractionDigits: 4, maximumFractionDigits: 4 });
  return [lat, lng].map(value => format.format(value)).join("; ");
}

/** Address of a tile from the configuration's template. */
export const tileAddress = (template: string, tile: { x: number; y: number; z: number }): string =>
  template.replace(/\{([xyz])\}/g, (_, name: "x" | "y" | "z") => String(tile[name]));

const ARROWS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1]
};

/** Pixels an arrow key moves by, three times as many with Shift; nothing for other keys and for the browser's own. */
export function arrow(
  { key, shiftKey, ctrlKey, altKey, metaKey }: KeyboardEvent,
  step: number
): [number, number] | undefined {
  const way = !ctrlKey && !altKey && !metaKey && ARROWS[key];
  return way ? [way[0] * step * (shiftKey ? 3 : 1), way[1] * step * (shiftKey ? 3 : 1)] : undefined;
}
