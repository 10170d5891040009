/** How often the service is asked again, beside a model in generated sequences; and what is followed at all. */

import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";
import { h, render } from "preact";
import { poll, useFollow } from "../shared/polling.ts";
import { SiteContext } from "../shared/site.ts";
import { calm } from "./clock.ts";
import { Target } from "./fakeDocument.ts";
import { generator, SEED } from "./seed.ts";

const SEQUENCES = 200;
const LENGTH = 40;
const LOOKED_AT = 5_000,
  HIDDEN = 60_000,
  SLOWEST = 120_000;
/** What the page tells of its visibility, and what listens to it. */
class Page extends Target {
  hidden = false;
}
let page = new Page();
Object.defineProperty(globalThis, "document", { configurable: true, get: () => page });

afterEach(() => mock.timers.reset());

test(`one question at a time, the next after a pause that fits who looks and what fails (SEED=${SEED})`, async () => {
  for (let round = 0; round < SEQUENCES; round++) {
    const pick = generator(SEED * 1000 + round);
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout"] });
    page = new Page();
    const answers: ((isGood: boolean) => void)[] = [];
    let asked = 0;
    const stop = poll(() => {
      asked++;
      return new Promise<void>((resolve, reject) => answers.push(isGood => (isGood ? resolve() : reject(new Error()))));
    });
    const expected = { asked: 0, asking: 0, listening: 1 };
    let now = 0,
      due = LOOKED_AT,
      failures = 0,
      isStopped = false;
    const plan = () => {
      due = isStopped ? Infinity : now + (page.hidden ? HIDDEN : Math.min(LOOKED_AT * 2 ** failures, SLOWEST));
    };
    const ask = () => {
      if (expected.asking || isStopped) return;
      [due, expected.asking] = [Infinity, 1];
      expected.asked++;
    };
    const played: string[] = [];
    const acts: Record<string, () => unknown> = {
      "time passes": () => {
        const left = Number.isFinite(due) && due > now + 1 ? due - now - 1 : 1000;
        const by = [1, 999, LOOKED_AT, left, left, HIDDEN][pick(6)]!;
        played.push(String(by));
        mock.timers.tick(by);
        now += by;
        if (due <= now) ask();
      },
      hide: () => {
        page.hidden = true;
        page.act("visibilitychange");
      },
      show: () => {
        page.hidden = false;
        page.act("visibilitychange");
        ask();
      },
      stop: () => {
        if (isStopped || pick(8)) return;
        stop();
        [isStopped, due, expected.listening] = [true, Infinity, 0];
      }
    };
    const answer = (isGood: boolean) => () => {
      const [end] = answers.splice(0, 1);
      if (!end) return;
      end(isGood);
      expected.asking = 0;
      failures = isGood ? 0 : failures + 1;
      plan();
    };
    Object.assign(acts, { answer: answer(true), fail: answer(false), "fail again": answer(false) });
    const names = [...Object.keys(acts), "time passes", "time passes", "time passes"];
    for (let step = 0; step < LENGTH; step++) {
      const name = names[pick(names.length)]!;
      played.push(name);
      acts[name]!();
      await calm();
      const story = `SEED=${SEED}, sequence ${round}: ${played.join(", ")}`;
      assert.deepEqual({ asked, asking: answers.length, listening: page.listeners.length }, expected, story);
    }
    if (!isStopped) stop();
  }
});

test("what a view shows is followed while it is active, on the screen, and has been asked for", async () => {
  const watches: { tell(entries: object[]): void; isGone: boolean }[] = [];
  Object.assign(globalThis, {
    IntersectionObserver: class {
      isGone = false;
      constructor(readonly tell: (entries: object[]) => void) {}
      observe(): void {
        watches.push(this);
      }
      disconnect(): void {
        this.isGone = true;
      }
    }
  });
  const host = {};
  for (let number = 0; number < 2 ** 6; number++) {
    const [active, isVisible, isOpen, inView, isAnswered, hasFailed] = [0, 1, 2, 3, 4, 5].map(
      bit => !!(number & (1 << bit))
    );
    mock.timers.reset();
    mock.timers.enable({ apis: ["setTimeout"] });
    page = new Page();
    const asked: number[] = [];
    const View = ({ version }: { version: number }) => {
      const refresh = async () => asked.push(version);
      useFollow(active!, { of: isAnswered ? "/a" : null, error: hasFailed ? new Error() : null, refresh } as never);
      return null;
    };
    const parent = { nodeType: 1, childNodes: [], firstChild: null } as never;
    const value = { host, session: { isVisible, isOpen } } as never;
    const draw = (version: number) =>
      render(h(SiteContext.Provider, { value, children: h(View, { version }) }), parent);
    draw(1);
    const watch = watches.pop()!;
    watch.tell([{ isIntersecting: inView }]);
    await calm();
    // The latest drawing asks.
    draw(2);
    mock.timers.tick(LOOKED_AT);
    await calm();
    const follows = active && isVisible && (isOpen || inView) && (isAnswered || hasFailed);
    const story = JSON.stringify({ active, isVisible, isOpen, inView, isAnswered, hasFailed });
    assert.deepEqual([asked, page.listeners.length], follows ? [[2], 1] : [[], 0], story);
    render(null, parent);
    assert.deepEqual([watch.isGone, page.listeners.length], [true, 0], story);
  }
});
