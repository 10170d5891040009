/**
 * Questions to the service: what is asked for, for how long, what ends it, and what its answers mean, beside a model in
 * generated sequences; what the loader has asked for already is used once.
 */

import assert from "node:assert/strict";
import { setMaxListeners } from "node:events";
import { test } from "node:test";
import { Api, ApiError } from "../shared/api.ts";
import { calm } from "./clock.ts";
import { generator, SEED } from "./seed.ts";

const SEQUENCES = 300;
const LENGTH = 20;
const SITE = "https://w.test/api/v1/sites/wk";
const READING = 15_000,
  SENDING = 45_000;

setMaxListeners(0);
const globals = globalThis as unknown as Record<string, unknown>;

interface Call {
  address: string;
  init: RequestInit & { signal: AbortSignal; headers?: Record<string, string> };
  answer(response: object): void;
  fail(): void;
}
/** What a question has to do, and what became of it. */
interface Asked {
  name: string;
  method: string | undefined;
  body: unknown;
  headers: Record<string, string> | undefined;
  due: number;
  result: unknown;
}
const ANSWERS: [response: object, means: unknown][] = [
  [{ ok: true, status: 200, json: async () => ({ n: 1 }) }, { n: 1 }],
  // What a proxy in between says with a good status is no answer.
  [{ ok: true, status: 200, json: async () => Promise.reject(new SyntaxError("<html>")) }, "status 0"],
  [{ ok: false, status: 422, json: async () => ({ code: "wrong", detail: "why" }) }, "422 wrong why"],
  [{ ok: false, status: 502, json: async () => Promise.reject(new SyntaxError("<html>")) }, "status 502"]
];
const told = (error: ApiError) =>
  error.body.code ? `${error.status} ${error.body.code} ${error.message}` : `status ${error.status}`;

test(`a question is asked once, ends with its time or its asker, and its answer is read (SEED=${SEED})`, async () => {
  const own = { setTimeout, clearTimeout, fetch };
  for (let round = 0; round < SEQUENCES; round++) {
    const pick = generator(SEED * 1000 + round);
    let time = 0;
    const timers = new Map<object, { due: number; work: () => void }>();
    let calls: Call[] = [];
    Object.assign(globals, {
      VERSION: "?v",
      setTimeout: (work: () => void, wait: number) => {
        const timer = {};
        timers.set(timer, { due: time + wait, work });
        return timer;
      },
      clearTimeout: (timer: object) => timers.delete(timer),
      fetch: (address: string, init: Call["init"]) =>
        new Promise((resolve, reject) => {
          const fail = () => reject(new TypeError("network"));
          if (init.signal.aborted) return fail();
          init.signal.addEventListener("abort", fail);
          calls.push({ address, init, answer: resolve, fail });
        })
    });
    const destroyed = new AbortController();
    const loaders = new AbortController();
    /** Of the loader's questions; each is used by the first that asks for it. */
    const early = ["?lang=ru", "/challenge?v", "/problems?status=new&problem=7"].map(path => {
      let end: (response?: object) => void = () => undefined;
      const answer = new Promise<object | void>(resolve => (end = resolve));
      return {
        path,
        answer,
        end: (response?: object) => end(response && { ...response, url: SITE + path }),
        isUsed: !pick(3)
      };
    });
    const api = new Api(
      SITE,
      early.map(({ answer, isUsed }) => (isUsed ? undefined : answer)) as never,
      loaders,
      destroyed.signal
    );
    /** Those that wait for the network, and for an answer to the loader. */
    let waiting: Asked[] = [];
    let isLate = false;
    let waitingEarly: { of: (typeof early)[number]; asked: Asked }[] = [];
    const all: Asked[] = [];
    const played: string[] = [];
    const views: AbortController[] = [];
    const results = new Map<Asked, unknown>();
    const begin = (asked: Asked) => {
      waiting.push(asked);
      asked.due = time + (asked.method ? SENDING : READING);
      if (destroyed.signal.aborted) end(asked, "status 0");
    };
    const end = (asked: Asked, result: unknown) => {
      asked.result = result;
      waiting = waiting.filter(one => one !== asked);
      waitingEarly = waitingEarly.filter(one => one.asked !== asked);
    };
    const ask = (name: string, work: () => Promise<unknown>, index?: number, post?: Partial<Asked>) => {
      const asked: Asked = {
        ...{ name, method: undefined, body: undefined, headers: undefined, due: 0, result: undefined },
        ...post
      };
      all.push(asked);
      work().then(
        data => results.set(asked, data),
        error => results.set(asked, error instanceof ApiError ? told(error) : error)
      );
      const first = index === undefined ? undefined : early[index];
      if (first && !first.isUsed) {
        first.isUsed = true;
        asked.due = time + READING;
        waitingEarly.push({ of: first, asked });
      } else begin(asked);
    };
    const JSON_TYPE = { "Content-Type": "application/json" };
    const acts: Record<string, () => unknown> = {
      configuration: () => {
        const lang = ["ru", "en"][pick(2)]!;
        ask("?lang=" + lang, () => api.config(lang), 0);
      },
      challenge: () => ask("/challenge?v", () => api.challenge(), 1),
      list: () => ask("/problems?status=new", () => api.get("/problems?status=new"), 2),
      seen: () => ask("/challenge?v&seen", () => api.seen(), 2),
      ticket: () =>
        ask("/tickets", () => api.ticket({ number: 7 } as never), undefined, {
          method: "POST",
          body: { challenge: btoa('{"number":7}') },
          headers: JSON_TYPE
        }),
      submit: () =>
        ask("/problems", () => api.submit({ lang: "ru" } as never, "key"), undefined, {
          method: "POST",
          body: { lang: "ru" },
          headers: { ...JSON_TYPE, "Idempotency-Key": "key" }
        }),
      view: () => {
        // There are none of a widget that is gone.
        if (destroyed.signal.aborted) return;
        const control = new AbortController();
        views.push(control);
        if (!pick(4)) control.abort();
        const asked = all.length;
        ask("/own", () => api.get("/own", undefined, { signal: control.signal }), 2);
        const mine = all[asked]!;
        control.signal.addEventListener("abort", () => waiting.includes(mine) && end(mine, "status 0"));
        if (control.signal.aborted && waiting.includes(mine)) end(mine, "status 0");
        Object.assign(mine, { control });
      },
      "a view ends": () => views.length && views[pick(views.length)]!.abort(),
      answer: () => {
        const index = pick(calls.length || 1);
        if (!calls[index]) return;
        const [response, means] = ANSWERS[pick(ANSWERS.length)]!;
        const [call] = calls.splice(index, 1);
        call!.answer({ ...response, url: call!.address });
        end(waiting[index]!, means);
      },
      fail: () => {
        const index = pick(calls.length || 1);
        if (!calls[index]) return;
        calls.splice(index, 1)[0]!.fail();
        end(waiting[index]!, "status 0");
      },
      "the loader's answer": () => {
        const one = waitingEarly[pick(waitingEarly.length || 1)];
        if (!one) return;
        const { of, asked } = one;
        waitingEarly = waitingEarly.filter(other => other !== one);
        const control = (asked as { control?: AbortController }).control;
        const isLost = !pick(3);
        const isTheirs = of.path.replace("&problem=7", "") === asked.name;
        const [response, means] = ANSWERS[pick(ANSWERS.length)]!;
        of.end(isLost ? undefined : response);
        if (!isLost && isTheirs) asked.result = means;
        else {
          begin(asked);
          if (control && control.signal.aborted) end(asked, "status 0");
        }
      },
      "time passes": () => {
        time += [1000, READING, SENDING][pick(3)]!;
        for (const [timer, { due, work }] of [...timers].sort(([, one], [, two]) => one.due - two.due))
          if (due <= time && timers.delete(timer)) work();
        for (const one of [...waiting, ...waitingEarly.map(({ asked }) => asked)])
          if (one.due <= time) {
            // Nobody waits for the loader's answer any more.
            isLate ||= waitingEarly.some(({ asked }) => asked === one);
            end(one, "status 0");
          }
      },
      "the widget goes": () => {
        if (pick(4)) return;
        destroyed.abort();
        // Views have signals of their own, which end with the widget.
        views.forEach(view => view.abort());
        for (const one of [...waiting]) end(one, "status 0");
      }
    };
    const names = Object.keys(acts);
    for (let step = 0; step < LENGTH; step++) {
      const name = names[pick(names.length)]!;
      played.push(name);
      acts[name]!();
      for (let turn = 0; turn < 3; turn++) await calm();
      calls = calls.filter(({ init }) => !init.signal.aborted);
      const story = `SEED=${SEED}, sequence ${round}: ${played.join(", ")}`;
      assert.deepEqual(
        calls.map(({ address, init: { method, headers, body, credentials } }) => [
          address,
          method,
          headers,
          body && JSON.parse(body as string),
          credentials
        ]),
        waiting.map(one => [SITE + one.name, one.method, one.headers, one.body, "omit"]),
        story
      );
      assert.deepEqual(
        all.map(one => results.get(one)),
        all.map(({ result }) => result),
        story
      );
      assert.equal(loaders.signal.aborted, isLate, story);
      assert.equal(timers.size, waiting.length + waitingEarly.length, `timers: ${story}`);
    }
    destroyed.abort();
    await calm();
  }
  Object.assign(globals, own);
});
