import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";
import { poll } from "../shared/polling.ts";

const LOOKED_AT = 5_000,
  HIDDEN = 60_000;
/** What the page tells of its visibility. */
const page = Object.assign(new EventTarget(), { hidden: false });
Object.assign(globalThis, { document: page });
const settle = () => new Promise(resolve => setImmediate(resolve));
const turn = (hidden: boolean) => {
  page.hidden = hidden;
  page.dispatchEvent(new Event("visibilitychange"));
};

afterEach(() => mock.timers.reset());

function follow(answer: () => Promise<void>) {
  mock.timers.enable({ apis: ["setTimeout"] });
  page.hidden = false;
  let asked = 0;
  const stop = poll(() => {
    asked++;
    return answer();
  });
  const after = async (ms: number) => {
    mock.timers.tick(ms);
    await settle();
    return asked;
  };
  return { after, stop };
}

test("there is one chain, whoever returns while an answer is on its way, and none once it is stopped", async () => {
  const waiting: (() => void)[] = [];
  const { after, stop } = follow(() => new Promise(resolve => waiting.push(resolve)));
  assert.equal(await after(LOOKED_AT), 1);
  for (let returns = 0; returns < 5; returns++) {
    turn(true);
    turn(false);
  }
  assert.equal(await after(0), 1);
  waiting.forEach(answer => answer());
  await settle();
  for (let expected = 2; expected < 6; expected++) {
    assert.equal(await after(LOOKED_AT), expected);
    waiting.forEach(answer => answer());
    await settle();
  }
  assert.equal(await after(LOOKED_AT), 6);
  stop();
  waiting.forEach(answer => answer());
  await settle();
  assert.equal(await after(2 * HIDDEN), 6);
});

test("returning asks at once, and the next question comes a whole pause later", async () => {
  const { after, stop } = follow(() => Promise.resolve());
  assert.equal(await after(LOOKED_AT - 1), 0);
  turn(true);
  turn(false);
  assert.equal(await after(0), 1);
  assert.equal(await after(LOOKED_AT - 1), 1);
  assert.equal(await after(1), 2);
  stop();
});

test("nobody looks: rarely; failures: slower; ended: never", async () => {
  let fails = false;
  const { after, stop } = follow(() => (fails ? Promise.reject(new Error()) : Promise.resolve()));
  page.hidden = true;
  assert.equal(await after(LOOKED_AT), 1);
  assert.equal(await after(HIDDEN - 1), 1);
  fails = true;
  assert.equal(await after(1), 2);
  page.hidden = false;
  assert.equal(await after(HIDDEN), 3);
  assert.equal(await after(LOOKED_AT * 4 - 1), 3);
  assert.equal(await after(1), 4);
  stop();
  turn(false);
  assert.equal(await after(HIDDEN * 10), 4);
});
