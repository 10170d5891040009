/** Chance that can be played again, for generated sequences. */

/** `SEED=7 npm run test` plays the sequences of another seed. */
export const SEED = Number(process.env.SEED || 1);

/** Returns numbers from 0 up to `below`, without it: https://github.com/cprosche/mulberry32 */
export function generator(seed: number): (below: number) => number {
  return below => {
    let mixed = (seed = (seed + 0x6d2b79f5) | 0);
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
