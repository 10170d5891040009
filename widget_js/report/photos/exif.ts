/**
 * What must not get lost when a browser redraws a picture: the place it was taken at. Only that travels on, so a shrunk
 * photo says less about its owner than the original, and an orientation cannot be applied twice.
 * Names and layouts: CIPA DC-008 (Exif 2.32), 4.5 and 4.6; TIFF 6.0, section 2.
 */

import type { ReportLocation } from "../../shared/contract.ts";

const ORIENTATION = 0x0112,
  GPS = 0x8825;
const LATITUDE_REF = 1,
  LATITUDE = 2,
  LONGITUDE_REF = 3,
  LONGITUDE = 4;
const BYTE_ORDER = { "18761": true, "19789": false } as Record<string, boolean>;
/** «S» and «W». */
const NEGATIVE = [83, 87];
/** Three rationals of eight bytes: degrees, minutes, seconds. */
const ANGLE = 24;

export interface Exif {
  /** 1 to 8; 1 is upright. */
  orientation: number;
  /** An APP1 segment of a JPEG that holds the place and nothing else. */
  place?: Uint8Array<ArrayBuffer>;
  /** The same place in degrees, where it can be one. */
  point?: ReportLocation;
}

/** Reads the beginning of a file; whatever is no JPEG with a sound Exif block is upright and nowhere. */
export function readExif(bytes: ArrayBuffer): Exif {
  const view = new DataView(bytes);
  try {
    const start = tiff(view);
    return start ? read(new DataView(bytes, start)) : { orientation: 1 };
  } catch {
    // An offset points outside of what is there.
    return { orientation: 1 };
  }
}

/** Where the TIFF block of the first Exif segment begins. */
function tiff(view: DataView): number | undefined {
  if (view.getUint16(0) !== 0xffd8) return;
  for (
    let offset = 2;
    view.getUint8(offset) === 0xff && view.getUint8(offset + 1) !== 0xda;
    offset += 2 + view.getUint16(offset + 2)
  ) {
    if (view.getUint8(offset + 1) === 0xe1 && view.getUint32(offset + 4) === 0x45786966) return offset + 10;
  }
  return;
}

function read(view: DataView): Exif {
  const little = BYTE_ORDER[view.getUint16(0)];
  const short = (offset: number) => view.getUint16(offset, little),
    long = (offset: number) => view.getUint32(offset, little);
  /** Offsets of a directory's values by tag: inside the entry where they fit in four bytes. */
  const directory = (offset: number) => {
    const values: Record<number, number> = {};
    for (let entry = offset + 2, left = short(offset); left--; entry += 12) values[short(entry)] = entry + 8;
    return values;
  };
  const main = directory(long(4));
  const exif: Exif = { orientation: main[ORIENTATION] ? short(main[ORIENTATION]) : 1 };
  if (main[GPS]) {
    const gps = directory(long(main[GPS]));
    const angles = [gps[LATITUDE], gps[LONGITUDE]].map(offset => offset && long(offset));
    const refs = [gps[LATITUDE_REF], gps[LONGITUDE_REF]].map(offset => offset && view.getUint8(offset));
    if ([...angles, ...refs].every(Boolean)) {
      exif.place = write(view, little!, refs as number[], angles as number[]);
      const rational = (offset: number) => long(offset) / long(offset + 4);
      const [lat, lng] = angles.map((offset, index) => {
        const degrees = rational(offset!) + rational(offset! + 8) / 60 + rational(offset! + 16) / 3600;
        return NEGATIVE.includes(refs[index]!) ? -degrees : degrees;
      }) as [number, number];
      // Cameras without a fix write zeros, or divide by them.
      if ((lat || lng) && Math.abs(lat) <= 90 && Math.abs(lng) <= 180) exif.point = { lat, lng };
    }
  }
  return exif;
}

/** The byte order stays that of the source, so angles are copied as they are. */
function write(source: DataView, little: boolean, refs: number[], angles: number[]): Uint8Array<ArrayBuffer> {
  const HEAD = 10,
    MAIN = 8,
    INNER = MAIN + 18,
    VALUES = INNER + 54,
    LENGTH = VALUES + 2 * ANGLE;
  const segment = new Uint8Array(HEAD + LENGTH);
  segment.set([0xff, 0xe1, 0, HEAD - 2 + LENGTH, 0x45, 0x78, 0x69, 0x66]);
  const view = new DataView(segment.buffer, HEAD);
  const short = (offset: number, value: number) => view.setUint16(offset, value, little),
    long = (offset: number, value: number) => view.setUint32(offset, value, little);
  const entry = (offset: number, tag: number, type: number, count: number) => {
    short(offset, tag);
    short(offset + 2, type);
    long(offset + 4, count);
  };
  segment.set([source.getUint8(0), source.getUint8(1)], HEAD);
  short(2, 42);
  long(4, MAIN);
  short(MAIN, 1);
  entry(MAIN + 2, GPS, 4, 1);
  long(MAIN + 10, INNER);
  short(INNER, 4);
  [0, 1].forEach(index => {
    const offset = INNER + 2 + 24 * index,
      value = VALUES + ANGLE * index;
    entry(offset, LATITUDE_REF + 2 * index, 2, 2);
    view.setUint8(offset + 8, refs[index]!);
    entry(offset + 12, LATITUDE + 2 * index, 5, 3);
    long(offset + 20, value);
    segment.set(new Uint8Array(source.buffer, source.byteOffset + angles[index]!, ANGLE), HEAD + value);
  });
  return segment;
}
