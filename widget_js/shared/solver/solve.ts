/** Finds the number an altcha challenge asks for, in slices short enough not to disturb typing. */

import type { Challenge } from "../contract.ts";
import { digest, initial, padded } from "./sha256.ts";

/**
 * Milliseconds of work between two chances for the page to react. On a phone that is four times slower than it thinks,
 * or busy with something else, they stay below the 50 from which on an answer to a press is late.
 */
const SLICE = 5;
/** Numbers between two looks at the clock: few, since the first ones run before the browser has compiled this. */
const BATCH = 50;

/** What POST /sites/{key}/tickets takes, as JSON in base64. */
export type Solved = Omit<Challenge, "maxnumber"> & { number: number };

export async function solve(challenge: Challenge): Promise<Solved | null> {
  const { algorithm, salt, signature } = challenge;
  const target = Int32Array.from(challenge.challenge.match(/.{8}/g) || [], part => parseInt(part, 16));
  // The whole blocks of the salt are the same for every number: they are hashed once.
  const done = (salt.length >> 6) * 16;
  const start = digest(padded(salt).subarray(0, done), initial.slice());
  const state = new Int32Array(8);
  const last = challenge.maxnumber || 1e6;
  let pause = Date.now() + SLICE;
  let zeros = padded(salt);
  let words = zeros;
  for (let number = 0, digits = 0, more = 1; number <= last; number++) {
    if (number % BATCH === 0 && Date.now() > pause) {
      await new Promise(resume => setTimeout(resume));
      pause = Date.now() + SLICE;
    }
    // Between two numbers only the digits change: they are added to a block that has zeros in their place.
    if (number === more || !digits) {
      more *= 10;
      zeros = padded(salt + "0".repeat(++digits));
      words = zeros.slice();
    }
    words.set(zeros);
    for (let rest = number, place = salt.length + digits; rest; rest = (rest / 10) | 0) {
      place--;
      words[place >> 2]! += (rest % 10) << (24 - (place & 3) * 8);
    }
    state.set(start);
    digest(words, state, done);
    if (state[0] === target[0] && state.every((word, index) => word === target[index])) {
      return { algorithm, challenge: challenge.challenge, number, salt, signature };
    }
  }
  return null;
}
