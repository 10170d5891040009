/** Makes a large photo small before it goes over a slow network, and tells what cannot go at all. */

import type { ReportLocation } from "../../shared/contract.ts";
import { readExif } from "./exif.ts";

interface Size {
  /** Pixels of the longer side. */
  side: number;
  quality: number;
  /** Below both, pixels of the longer side and bytes, a photo goes as it is. */
  largeSide: number;
  largeBytes: number;
}
/** Enough for reading a house number. */
const FULL: Size = { side: 2048, quality: 0.85, largeSide: 2560, largeBytes: 1_000_000 };
/** Enough for seeing what is meant, a third of the bytes: on slow 3G a full photo takes a quarter of a minute. */
const SPARING: Size = { side: 1280, quality: 0.75, largeSide: 1600, largeBytes: 300_000 };
/** What browsers draw and what carries its place where `readExif` looks for it; a HEIC goes as it is. */
const DRAWN = /^image\/(jpeg|png|webp)$/;
/** Segments of a JPEG before its picture: the Exif one is among the first two, each up to 64 kB. */
const BEGINNING = 140_000;

/** Files that say what they are and are no picture that the service takes; HEIC often says nothing. */
const UNFIT = /^(?!image\/(jpeg|png|webp|hei[cf])$|application\/octet-stream$)./;
/** Bytes that the service takes of a file. */
export const LARGEST = 10 * 1024 * 1024;

/** By the Network Information API, which only Chromium has: phones in other browsers send full photos. */
function chooseSize(): Size {
  const { connection } = navigator as { connection?: { effectiveType: string; saveData: boolean } };
  return connection && (connection.saveData || /[23]g/.test(connection.effectiveType)) ? SPARING : FULL;
}

const isDrawable = (photo: Blob): boolean => DRAWN.test(photo.type);

/** Why a file cannot be sent, as far as that shows here; `isSmall`: it will not get any smaller. */
export const faultOf = (photo: Blob, isSmall: boolean): "type" | "large" | undefined =>
  UNFIT.test(photo.type) ? "type" : photo.size > LARGEST && (isSmall || !isDrawable(photo)) ? "large" : undefined;

const look = async (photo: Blob) => readExif(await new Response(photo.slice(0, BEGINNING)).arrayBuffer());

/** Where it was taken, as a JPEG says: known before it is uploaded, when the place is asked for. */
export const locate = async (photo: Blob): Promise<ReportLocation | undefined> => (await look(photo)).point;

/** The photo, smaller where that is possible: upright, with its place, without anything else. */
export async function shrink(photo: Blob): Promise<Blob> {
  if (!isDrawable(photo)) return photo;
  const url = URL.createObjectURL(photo);
  try {
    const { orientation, place } = await look(photo);
    // Chrome before 81 draws it as it lies in the file.
    if (orientation > 1 && !CSS.supports("image-orientation", "from-image")) return photo;
    const image = await load(url);
    const longest = Math.max(image.naturalWidth, image.naturalHeight);
    const { side, quality, largeSide, largeBytes } = chooseSize();
    if (longest <= largeSide && photo.size <= largeBytes) return photo;
    const small = await draw(image, Math.min(1, side / longest), quality);
    if (!small || small.size >= photo.size) return photo;
    return place ? new Blob([small.slice(0, 2), place, small.slice(2)], { type: small.type }) : small;
  } catch {
    // It cannot be drawn here, or the policy of the page forbids blob: pictures. The service will look at it.
    return photo;
  } finally {
    URL.revokeObjectURL(url);
  }
}

const load = (url: string): Promise<HTMLImageElement> =>
  new Promise((resolve, reject) => {
    const image = new Image();
    image.onload = () => resolve(image);
    image.onerror = reject;
    image.src = url;
  });

/**
 * Drawing the element decodes a JPEG at the smaller size: 48 megapixels cost Chromium 86 MB that way and a third of the
 * time, against 258 MB through createImageBitmap, with its resizing too.
 */
function draw(image: HTMLImageElement, scale: number, quality: number): Promise<Blob | null> {
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(image.naturalWidth * scale);
  canvas.height = Math.round(image.naturalHeight * scale);
  const context = canvas.getContext("2d")!;
  // What is transparent becomes paper, not night.
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise(resolve =>
    canvas.toBlob(
      small => {
        // Safari keeps the memory of a canvas for long.
        canvas.width = canvas.height = 0;
        resolve(small);
      },
      "image/jpeg",
      quality
    )
  );
}
