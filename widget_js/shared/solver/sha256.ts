/**
 * SHA-256 in plain JavaScript, since SubtleCrypto is missing on http hosts and thirty times slower for short inputs.
 */

const constants = new Int32Array(64);
export const initial = new Int32Array(8);

// FIPS 180-4, 4.2.2 and 5.3.3: the first 32 bits of the fractional parts of roots of the first primes.
for (let candidate = 2, count = 0; count < 64; candidate++) {
  let prime = true;
  for (let divisor = 2; divisor * divisor <= candidate; divisor++) if (candidate % divisor === 0) prime = false;
  if (!prime) continue;
  if (count < 8) initial[count] = fraction(Math.sqrt(candidate));
  constants[count++] = fraction(Math.cbrt(candidate));
}

function fraction(value: number): number {
  return ((value - Math.floor(value)) * 4294967296) | 0;
}

const rotate = (x: number, bits: number) => (x >>> bits) | (x << (32 - bits));
const schedule = new Int32Array(64);

/** The compression function over the 16 big-endian words from `offset` on; `state` is changed in place. */
function compress(state: Int32Array, words: Int32Array, offset: number): void {
  const w = schedule,
    k = constants;
  for (let i = 0; i < 16; i++) w[i] = words[offset + i]!;
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15]!,
      y = w[i - 2]!;
    w[i] =
      (w[i - 16]! +
        w[i - 7]! +
        (rotate(x, 7) ^ rotate(x, 18) ^ (x >>> 3)) +
        (rotate(y, 17) ^ rotate(y, 19) ^ (y >>> 10))) |
      0;
  }
  let a = state[0]!,
    b = state[1]!,
    c = state[2]!,
    d = state[3]!;
  let e = state[4]!,
    f = state[5]!,
    g = state[6]!,
    h = state[7]!;
  for (let i = 0; i < 64; i++) {
    const one = (h + (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) + ((e & f) ^ (~e & g)) + k[i]! + w[i]!) | 0;
    const two = ((rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + one) | 0;
    d = c;
    c = b;
    b = a;
    a = (one + two) | 0;
  }
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
  state[4]! += e;
  state[5]! += f;
  state[6]! += g;
  state[7]! += h;
}

/** The padded message as words: `text` must be ASCII (altcha's salts and numbers are). */
export function padded(text: string): Int32Array {
  const length = text.length;
  const words = new Int32Array(((length + 8) >> 6) * 16 + 16);
  for (let i = 0; i < length; i++) words[i >> 2]! |= text.charCodeAt(i) << (24 - (i & 3) * 8);
  words[length >> 2]! |= 0x80 << (24 - (length & 3) * 8);
  words[words.length - 1] = length * 8;
  return words;
}

/** Digest of an ASCII text, continuing from `state` for the words from `offset` on. */
export function digest(words: Int32Array, state: Int32Array, offset = 0): Int32Array {
  for (let i = offset; i < words.length; i += 16) compress(state, words, i);
  return state;
}

export function sha256(text: string): string {
  return [...digest(padded(text), initial.slice())].map(word => (word >>> 0).toString(16).padStart(8, "0")).join("");
}
