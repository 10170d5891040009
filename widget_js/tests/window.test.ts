import assert from "node:assert/strict";
import { test } from "node:test";
import { step, stretches, visible } from "../browse/window.ts";

const HEIGHTS = Array<number>(500).fill(1000);

test("what is near the eyes is drawn", () => {
  assert.deepEqual(visible(HEIGHTS, 500, -500, 2500), [0, 3]);
  assert.deepEqual(visible(HEIGHTS, 500, 100_500, 102_500), [100, 103]);
});

test("beyond either end the nearest card stands", () => {
  assert.deepEqual(visible(HEIGHTS, 500, -9000, -5000), [0, 1]);
  assert.deepEqual(visible(HEIGHTS, 500, 900_000, 905_000), [499, 500]);
  assert.deepEqual(visible([], 3, 0, 100), [0, 1]);
});

test("a range grows and shrinks by two cards a frame, beyond what is on the screen", () => {
  assert.deepEqual(step([0, 4], [0, 9], [1, 2]), [0, 6]);
  assert.deepEqual(step([0, 4], [0, 5], [1, 2]), [0, 5]);
  assert.deepEqual(step([0, 9], [4, 13], [7, 8]), [2, 11]);
  assert.deepEqual(step([4, 13], [0, 5], [0, 5]), [0, 11]);
  assert.deepEqual(step([20, 28], [0, 5], [0, 1]), [0, 3]);
  assert.deepEqual(step([0, 5], [20, 28], [24, 26]), [22, 28]);
  assert.deepEqual(step([20, 28], [20, 28], [24, 25]), [20, 28]);
});

test("most of a long list are two gaps", () => {
  assert.deepEqual(stretches(HEIGHTS, 500, [100, 103]), [
    { from: 0, to: 100, gap: 100_000 },
    { from: 100, to: 103 },
    { from: 103, to: 500, gap: 397_000 }
  ]);
});

test("the card with the focus stays with its neighbours, before and behind", () => {
  assert.deepEqual(
    stretches(HEIGHTS, 500, [100, 103], 2).map(one => [one.from, one.to, one.gap]),
    [
      [0, 1, 1000],
      [1, 4, undefined],
      [4, 100, 96_000],
      [100, 103, undefined],
      [103, 500, 397_000]
    ]
  );
});

test("what was never measured is drawn, and what follows waits for its height", () => {
  assert.deepEqual(stretches([1000], 4, [0, 1]), [{ from: 0, to: 2 }]);
  assert.deepEqual(stretches([1000, 1000], 4, [0, 1]), [
    { from: 0, to: 1 },
    { from: 1, to: 2, gap: 1000 },
    { from: 2, to: 3 }
  ]);
  assert.deepEqual(stretches([], 6, [0, 4]), [{ from: 0, to: 4 }]);
  assert.deepEqual(stretches([], 2, [0, 4]), [{ from: 0, to: 2 }]);
  assert.deepEqual(visible([1000], 9, 0, 5000), [0, 5]);
  assert.deepEqual(visible([1000], 4, 0, 900), [0, 1]);
});

test("the gaps and the drawn cards make the whole height", () => {
  const heights = Array.from({ length: 300 }, (_, card) => 700 + (card % 7) * 31);
  const whole = heights.reduce((sum, one) => sum + one, 0);
  for (const at of [0, 1234, 99_999, whole]) {
    const made = stretches(heights, 300, visible(heights, 300, at - 800, at + 1600), 17);
    const drawn = made.flatMap(({ from, to, gap }) => (gap === undefined ? heights.slice(from, to) : [gap]));
    assert.equal(
      drawn.reduce((sum, one) => sum + one, 0),
      whole
    );
  }
});
