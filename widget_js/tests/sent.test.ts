/** «Мои сообщения» beside a model of what this browser may remember, in generated sequences. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { forget, linksTo, remember, sentTo } from "../report/mine/sent.ts";
import { FakeStorage } from "./fakeStorage.ts";
import { generator, SEED } from "./seed.ts";

const DAY = 86_400_000;

test(`numbers stay for ninety days, private links with the tab (SEED=${SEED})`, () => {
  for (let round = 0; round < 200; round++) {
    const pick = generator(SEED + round);
    const local = new FakeStorage();
    let session = new FakeStorage();
    Object.assign(globalThis, { localStorage: local, sessionStorage: session });
    let now = 1e12,
      all: { number: number; at: number }[] = [],
      links: Record<number, string> = {};
    Date.now = () => now;
    for (let step = 0; step < 30; step++) {
      const number = 1 + pick(14);
      const act = pick(8);
      if (act < 4) {
        const link = pick(2) ? "https://w.test/t/" + step : null;
        remember("key", number, link, now);
        all = [{ number, at: now }, ...all.filter(one => one.number !== number)].slice(0, 10);
        if (link) links[number] = link;
      } else if (act === 4) {
        forget("key", number);
        all = all.filter(one => one.number !== number);
        delete links[number];
      } else if (act === 5 && !pick(4)) {
        forget("key");
        [all, links] = [[], {}];
      } else if (act === 6) {
        Object.assign(globalThis, { sessionStorage: (session = new FakeStorage()) });
        links = {};
      } else if (act === 7) now += [1, 30, 89][pick(3)]! * DAY;
      all = all.filter(({ at }) => now - at < 90 * DAY);
      assert.deepEqual(sentTo("key", now), all);
      assert.deepEqual(linksTo("key"), links);
      assert.deepEqual(local.names(), all[0] ? ["igrajdanin:key:sent"] : [], "nothing is left of none");
      assert.deepEqual(session.names(), Object.keys(links)[0] ? ["igrajdanin:key:sent"] : []);
      assert.doesNotMatch(local.text(), /https/);
      assert.deepEqual(sentTo("other", now), []);
    }
    for (const nonsense of ["{", "1", '{"sent":3}', '{"sent":[null,{"number":-1,"at":1e12}]}']) {
      local.setItem("igrajdanin:key:sent", nonsense);
      assert.deepEqual(sentTo("key", 1e12), []);
    }
  }
});
