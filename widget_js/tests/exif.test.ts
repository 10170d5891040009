import assert from "node:assert/strict";
import { test } from "node:test";
import { readExif } from "../report/photos/exif.ts";
import { faultOf, shrink } from "../report/photos/shrink.ts";

type Entry = [tag: number, type: number, count: number, value: number | number[]];
const SIZES: Record<number, number> = { 2: 1, 3: 2, 4: 4, 5: 8 };

/** A camera's JPEG: APP0, then Exif with its directories one after the other, then the picture. */
function camera(little: boolean, main: Entry[], gps?: Entry[]): ArrayBuffer {
  const view = new DataView(new ArrayBuffer(2000));
  let free = 1000;
  const put = (at: number, size: number, value: number) =>
    size === 1
      ? view.setUint8(at, value)
      : size === 2
        ? view.setUint16(at, value, little)
        : view.setUint32(at, value, little);
  const directory = (at: number, entries: Entry[]) => {
    put(at, 2, entries.length);
    entries.forEach(([tag, type, count, value], index) => {
      const entry = at + 2 + 12 * index,
        size = SIZES[type]!;
      put(entry, 2, tag);
      put(entry + 2, 2, type);
      put(entry + 4, 4, count);
      let to = entry + 8;
      if (size * count > 4) {
        put(to, 4, free);
        to = free;
        free += size * count;
      }
      [value].flat().forEach((one, place) => put(to + place * Math.min(size, 4), Math.min(size, 4), one));
    });
  };
  view.setUint16(0, little ? 0x4949 : 0x4d4d);
  put(2, 2, 42);
  put(4, 4, 8);
  directory(8, [...main, ...(gps ? [[0x8825, 4, 1, 500] as Entry] : [])]);
  if (gps) directory(500, gps);
  const exif = [0x45, 0x78, 0x69, 0x66, 0, 0, ...new Uint8Array(view.buffer)];
  const length = exif.length + 2;
  const app0 = [0xff, 0xe0, 0, 16, 0x4a, 0x46, 0x49, 0x46, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0];
  return new Uint8Array([
    0xff,
    0xd8,
    ...app0,
    0xff,
    0xe1,
    length >> 8,
    length & 255,
    ...exif,
    0xff,
    0xda,
    0,
    2,
    1,
    2,
    3
  ]).buffer;
}

const ANGLES = [
  [55, 1, 5, 1, 427, 10],
  [38, 1, 46, 1, 77, 10]
] as const;
const GPS: Entry[] = [
  [0, 1, 4, 0x02030000],
  [1, 2, 2, 0x4e],
  [2, 5, 3, [...ANGLES[0]]],
  [3, 2, 2, 0x45],
  [4, 5, 3, [...ANGLES[1]]],
  [0x1d, 2, 11, 0x32]
].map(entry => (entry[1] === 1 ? ([5, 3, 1, 0] as Entry) : (entry as Entry)));
const CAMERA: Entry[] = [
  [0x010f, 2, 6, [83, 101, 99, 114, 101, 116]],
  [0x0112, 3, 1, 6],
  [0x0132, 2, 20, 50]
];

for (const little of [true, false]) {
  const order = little ? "little-endian" : "big-endian";

  test(`${order}: the place comes along, alone and as it was`, () => {
    const { orientation, place, point } = readExif(camera(little, CAMERA, GPS));
    assert.equal(orientation, 6);
    assert.ok(place);
    assert.deepEqual([point?.lat?.toFixed(6), point?.lng?.toFixed(6)], ["55.095194", "38.768806"]);
    assert.equal(place.length, 138);
    assert.equal(place[2]! * 256 + place[3]!, place.length - 2, "the length a segment says is its own");
    const view = new DataView(place.buffer, 10);
    assert.equal(view.getUint16(8, little), 1, "one entry: where the place is");
    assert.equal(view.getUint16(26, little), 4);
    assert.deepEqual([view.getUint8(36), view.getUint8(60)], [0x4e, 0x45]);
    const angle = (at: number) => [0, 4, 8, 12, 16, 20].map(next => view.getUint32(at + next, little));
    assert.deepEqual([angle(80), angle(104)], ANGLES);
    assert.doesNotMatch(new TextDecoder("latin1").decode(place), /Secret/);
  });

  test(`${order}: in a new JPEG it is read again, and upright`, () => {
    const { place } = readExif(camera(little, CAMERA, GPS));
    const again = readExif(new Uint8Array([0xff, 0xd8, ...place!, 0xff, 0xda]).buffer);
    assert.equal(again.orientation, 1);
    assert.deepEqual(again.place, place);
  });
}

test("south and west are negative; what a camera without a fix writes is nowhere", () => {
  const at = (refs: string, ...angles: number[][]) =>
    readExif(
      camera(true, CAMERA, [
        [1, 2, 2, refs.charCodeAt(0)],
        [2, 5, 3, angles[0]!],
        [3, 2, 2, refs.charCodeAt(1)],
        [4, 5, 3, angles[1]!]
      ])
    ).point;
  const half = [30, 1, 30, 1, 0, 1];
  assert.deepEqual(at("SW", half, half), { lat: -30.5, lng: -30.5 });
  assert.deepEqual(at("NE", [0, 1, 0, 1, 0, 1], half), { lat: 0, lng: 30.5 });
  for (const nowhere of [
    [0, 1, 0, 1, 0, 1],
    [0, 0, 0, 0, 0, 0],
    [200, 1, 0, 1, 0, 1]
  ])
    assert.equal(at("NE", nowhere, nowhere), undefined, String(nowhere));
});

test("without a place there is none; half a place is none", () => {
  assert.deepEqual(readExif(camera(true, CAMERA)), { orientation: 6 });
  assert.deepEqual(readExif(camera(true, CAMERA, GPS.slice(0, 3))), { orientation: 6 });
  assert.equal(readExif(camera(true, [CAMERA[0]!], GPS)).orientation, 1);
});

test("nonsense is upright and nowhere", () => {
  const nowhere = { orientation: 1 };
  const sound = camera(true, CAMERA, GPS);
  for (const bytes of [[], [0xff], [0xff, 0xd8], [0xff, 0xd8, 0xff, 0xe1], [0x89, 0x50, 0x4e, 0x47]]) {
    assert.deepEqual(readExif(new Uint8Array(bytes).buffer), nowhere);
  }
  for (let cut = 0; cut < 1000; cut += 7) assert.equal(readExif(sound.slice(0, cut)).place, undefined, `cut at ${cut}`);
  for (let at = 30; at < 1300; at += 3) {
    const spoiled = new Uint8Array(sound.slice(0));
    spoiled.fill(0xff, at, at + 8);
    readExif(spoiled.buffer);
  }
});

test("an Exif block that points into itself for ever comes to an end", () => {
  const loop = new Uint8Array(camera(false, CAMERA, GPS));
  // Every length says nothing follows: the walk over segments must still move on.
  loop.set([0xff, 0xe0, 0, 0], 2);
  assert.deepEqual(readExif(loop.buffer), { orientation: 1 });
});

/** What becomes of a photo in a browser that draws, or does not. */
async function shrunk(
  photo: Blob,
  { sides = [100, 100], small = 10, network = {}, isUpright = true, isBroken = false }: Record<string, any>
): Promise<object> {
  const drawn: unknown[] = [];
  const urls = new Set<string>();
  const canvas = {
    ...{ width: 0, height: 0 },
    getContext: () => ({ fillRect: (...all: number[]) => drawn.push(...all.slice(2)), drawImage() {} }),
    toBlob: (give: (blob: Blob | null) => void, type: string, quality: number) => {
      drawn.push(quality);
      give(small ? new Blob([new Uint8Array(small)], { type }) : null);
    }
  };
  const globals = {
    document: { createElement: () => canvas },
    navigator: { connection: network },
    CSS: { supports: () => isUpright },
    Image: class {
      naturalWidth = sides[0];
      naturalHeight = sides[1];
      onload(): void {}
      onerror(): void {}
      set src(_: string) {
        setTimeout(() => (isBroken ? this.onerror() : this.onload()));
      }
    }
  };
  for (const [name, value] of Object.entries(globals))
    Object.defineProperty(globalThis, name, { configurable: true, value });
  URL.createObjectURL = () => (urls.add("blob:"), "blob:");
  URL.revokeObjectURL = url => void urls.delete(url);
  const result = await shrink(photo);
  assert.deepEqual([urls.size, canvas.width], [0, 0], "nothing holds memory");
  return result === photo ? { drawn } : { drawn, type: result.type, bytes: result.size };
}

test("a photo is made small where that helps, and is uprighted", async () => {
  const jpeg = (bytes: number, type = "image/jpeg") => new Blob([new Uint8Array(bytes)], { type });
  const large = { sides: [4096, 1024], small: 10 };
  const full = [2048, 512, 0.85],
    sparing = [1280, 320, 0.75];
  const cases: [name: string, photo: Blob, browser: Record<string, unknown>, drawn: number[], bytes?: number][] = [
    ["small", jpeg(300_001), { sides: [2560, 1] }, []],
    ["small, in bytes alone", jpeg(20), { ...large, sides: [2561, 1000] }, [2048, 800, 0.85], 10],
    ["small, in pixels alone", jpeg(1_000_001), { sides: [500, 400] }, [500, 400, 0.85], 10],
    ["large", jpeg(20), large, full, 10],
    ["larger than before", jpeg(10), large, full],
    ["no canvas", jpeg(20), { ...large, small: 0 }, full],
    ["sparing", jpeg(20), { ...large, network: { saveData: true, effectiveType: "4g" } }, sparing, 10],
    ["3g", jpeg(20), { ...large, network: { saveData: false, effectiveType: "3g" } }, sparing, 10],
    ["4g", jpeg(20), { ...large, network: { saveData: false, effectiveType: "4g" } }, full, 10],
    ["HEIC", jpeg(20, "image/heic"), large, []],
    ["PNG", jpeg(20, "image/png"), large, full, 10],
    ["broken", jpeg(20), { ...large, isBroken: true }, []],
    [
      "lying, in an old browser",
      new Blob([camera(true, CAMERA)], { type: "image/jpeg" }),
      { ...large, isUpright: false },
      []
    ],
    ["upright, in an old browser", jpeg(20), { ...large, isUpright: false }, full, 10],
    ["with its place", new Blob([camera(true, CAMERA, GPS)], { type: "image/jpeg" }), large, full, 148]
  ];
  for (const [name, photo, browser, drawn, bytes] of cases)
    assert.deepEqual(await shrunk(photo, browser), bytes ? { drawn, bytes, type: "image/jpeg" } : { drawn }, name);
});

test("what cannot be sent", () => {
  const file = (type: string, megabytes: number) => ({ type, size: megabytes << 20 }) as Blob;
  for (const [type, megabytes, isSmall, fault] of [
    ["image/jpeg", 10, true, undefined],
    ["image/jpeg", 11, false, undefined],
    ["image/jpeg", 11, true, "large"],
    ["image/heif", 11, false, "large"],
    ["image/heic", 10, true, undefined],
    ["", 10, false, undefined],
    ["application/octet-stream", 1, false, undefined],
    ["image/gif", 1, false, "type"],
    ["application/pdf", 11, true, "type"]
  ] as const)
    assert.equal(faultOf(file(type, megabytes), isSmall), fault, `${type} ${megabytes}`);
});
