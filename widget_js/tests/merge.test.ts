import assert from "node:assert/strict";
import { test } from "node:test";
import type { Problem, Status } from "../shared/contract.ts";
import { append, merge } from "../browse/merge.ts";

const problem = (number: number, status: Status = "accepted") => ({ number, status }) as Problem;
const numbers = (items: Problem[]) => items.map(item => item.number);

test("a change is shown in place", () => {
  const { items, moved } = merge([problem(3), problem(2), problem(1)], { items: [problem(3), problem(2, "resolved")] });
  assert.deepEqual(
    items.map(item => item.status),
    ["accepted", "resolved", "accepted"]
  );
  assert.equal(moved, false);
});

test("an arrival is announced and moves nothing", () => {
  const { items, moved, fresh } = merge([problem(2), problem(1)], { items: [problem(3), problem(2)] });
  assert.deepEqual(numbers(items), [2, 1]);
  assert.equal(fresh, 1);
  assert.equal(moved, true);
});

test("a departure is announced and moves nothing", () => {
  const { items, moved } = merge([problem(3), problem(2), problem(1)], { items: [problem(3), problem(1)] });
  assert.deepEqual(numbers(items), [3, 2, 1]);
  assert.equal(moved, true);
});

test("further pages bring nothing twice", () => {
  assert.deepEqual(numbers(append([problem(3), problem(2)], { items: [problem(2), problem(1)] })), [3, 2, 1]);
});
