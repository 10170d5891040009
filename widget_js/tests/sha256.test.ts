import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { Challenge } from "../shared/contract.ts";
import { sha256 } from "../shared/solver/sha256.ts";
import { solve } from "../shared/solver/solve.ts";

const reference = (text: string) => createHash("sha256").update(text).digest("hex");

test("every length around the block boundaries hashes as node:crypto does", () => {
  for (let length = 0; length <= 200; length++) {
    const text = "0123456789abcdef?&=".repeat(11).slice(0, length);
    assert.equal(sha256(text), reference(text), `length ${length}`);
  }
});

const challenge = (salt: string, number: number, maxnumber?: number): Challenge => ({
  algorithm: "SHA-256",
  challenge: reference(salt + number),
  salt,
  signature: "s",
  ...(maxnumber && { maxnumber })
});

test("the solver finds the number whatever the length of the salt", async () => {
  for (const length of [1, 24, 55, 58, 60, 63, 64, 65, 120, 128, 200]) {
    const salt = "a1b2c3d4".repeat(30).slice(0, length);
    const solution = await solve(challenge(salt, 4321, 10_000));
    assert.deepEqual(solution, {
      algorithm: "SHA-256",
      challenge: reference(salt + 4321),
      number: 4321,
      salt,
      signature: "s"
    });
  }
});

test("numbers around each change of length are found", async () => {
  for (const number of [0, 1, 9, 10, 11, 99, 100, 101, 999, 1000, 9999, 10_000, 10_001]) {
    assert.equal((await solve(challenge("a1b2c3d4e5f6?expires=1764000000&", number, 20_000)))?.number, number);
  }
});

test("the limits count: the largest number is tried, the one above is not", async () => {
  assert.equal((await solve(challenge("salt", 500, 500)))?.number, 500);
  assert.equal(await solve(challenge("salt", 501, 500)), null);
});

test("the page gets its turn while the solver works", async () => {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  await solve(challenge("salt", 300_000, 300_000));
  clearInterval(timer);
  assert.ok(turns > 3, `${turns} turns`);
});
