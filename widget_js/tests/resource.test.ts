/** What a view loads, beside a model of it, in generated sequences of what people, pages and networks do. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { h, render } from "preact";
import { useResource, type Resource } from "../shared/resource.ts";
import { SiteContext } from "../shared/site.ts";
import { calm } from "./clock.ts";
import { generator, SEED } from "./seed.ts";

const SEQUENCES = 300;
const LENGTH = 30;
/** Milliseconds for which a path has to rest. */
const REST = 200;

interface Asked {
  path: string;
  requested: number | undefined;
  init: { signal: AbortSignal; cache?: string };
  resolve(data: unknown): void;
  reject(error: Error): void;
}
/** What was asked, as the model knows it. */
interface Expected {
  path: string;
  requested: number | undefined;
  again: boolean;
}

const globals = globalThis as unknown as Record<string, unknown>;

interface Props {
  path: string | null;
  version: number | undefined;
  rest: number;
}
const shown: { resource?: Resource<unknown> } = {};
function View({ path, version, rest }: Props): null {
  Object.assign(shown, { resource: useResource(path, { requested: 7, version, rest }) });
  return null;
}

class World {
  time = 0;
  timers = new Map<object, { due: number; work: () => void }>();
  listeners = new Set<() => void>();
  asked: Asked[] = [];
  private readonly parent = { nodeType: 1, childNodes: [], firstChild: null } as unknown as Element;
  private readonly api = {
    get: (path: string, requested: number | undefined, init: Asked["init"]) =>
      new Promise((resolve, reject) => void this.asked.push({ path, requested, init, resolve, reject }))
  };

  draw(props: Props | null): void {
    const children = props && h(View, props);
    render(children && h(SiteContext.Provider, { value: { api: this.api } as never, children }), this.parent);
  }
}

test(`the view shows the latest answer to what it asks for (SEED=${SEED})`, async () => {
  const { setTimeout, clearTimeout, addEventListener, removeEventListener } = globalThis;
  for (let round = 0; round < SEQUENCES; round++) {
    const pick = generator(SEED + round);
    const world = new World();
    globals.setTimeout = (work: () => void, wait: number) => {
      const timer = {};
      world.timers.set(timer, { due: world.time + wait, work });
      return timer;
    };
    globals.clearTimeout = (timer: object) => world.timers.delete(timer);
    globals.addEventListener = (_: string, listener: () => void) => world.listeners.add(listener);
    globals.removeEventListener = (_: string, listener: () => void) => world.listeners.delete(listener);

    const rest = pick(2) * REST;
    let props: Props = { path: "/a", version: pick(2) ? 1 : undefined, rest };
    let state = { data: null as unknown, of: null as string | null, error: null as Error | null, changes: 0 };
    let due = 0,
      requested: number | undefined = 7;
    const asked: Expected[] = [];
    /** The only one that is waited for. */
    let latest: Expected | undefined;
    const ask = (again: boolean) => {
      if (!props.path) return;
      latest = { path: props.path, requested, again };
      asked.push(latest);
      requested = undefined;
    };
    const begin = () => ask(props.version !== undefined);
    const arrive = () => {
      latest = undefined;
      state = { ...state, error: null };
      due = rest && world.time + rest;
      if (!rest) begin();
    };
    const acts: Record<string, () => unknown> = {
      "another path": () => {
        const path = ["/a", "/b", null][pick(3)]!;
        if (path === props.path) return;
        props = { ...props, path };
        world.draw(props);
        arrive();
      },
      "another version": () => {
        if (!props.version) return;
        props = { ...props, version: props.version + 1 };
        world.draw(props);
        ask(true);
      },
      "take out and in": () => {
        world.draw(null);
        [state, requested] = [{ data: null, of: null, error: null, changes: 0 }, 7];
        world.draw(props);
        arrive();
      },
      retry: () => {
        void shown.resource!.retry();
        state = { ...state, error: null };
        ask(true);
      },
      refresh: () => {
        shown.resource!.refresh().catch(() => {});
        ask(true);
      },
      online: () => {
        world.listeners.forEach(listener => listener());
        if (!state.error) return;
        state = { ...state, error: null };
        ask(true);
      },
      change: () => {
        shown.resource!.change(data => [data]);
        if (state.data) state = { ...state, data: [state.data] };
      },
      wait: () => {
        world.time += 150;
        for (const [timer, { due, work }] of world.timers)
          if (due <= world.time) {
            world.timers.delete(timer);
            work();
          }
        if (!due || due > world.time) return;
        due = 0;
        begin();
      }
    };
    const answer = (isGood: boolean) => {
      const index = pick(asked.length || 1);
      if (!asked[index]) return;
      const [real] = world.asked.splice(index, 1);
      const [expected] = asked.splice(index, 1) as [Expected];
      const data = { value: pick(2) };
      const error = new Error("network");
      if (isGood) real!.resolve(data);
      else real!.reject(error);
      if (expected !== latest) return;
      if (!isGood) return void (state = { ...state, error });
      const isAgain = state.of === expected.path;
      const isEqual = isAgain && JSON.stringify(data) === JSON.stringify(state.data);
      state = { data, of: expected.path, error: null, changes: state.changes + +(isAgain && !isEqual) };
    };
    acts.answer = acts["another answer"] = () => answer(true);
    acts.fail = () => answer(false);

    const played: string[] = [];
    world.draw(props);
    arrive();
    for (let step = 0; step < LENGTH; step++) {
      const names = Object.keys(acts);
      const name = names[pick(names.length)]!;
      played.push(name);
      acts[name]!();
      await calm();
      const { data, of, error, changes } = shown.resource!;
      assert.deepEqual(
        {
          ...{ data, of, error, changes, timers: world.timers.size, listeners: world.listeners.size },
          asked: world.asked.map(({ path, requested, init: { signal, cache } }) => [
            path,
            requested,
            cache,
            signal.aborted
          ])
        },
        {
          ...{ ...state, timers: +!!due, listeners: +!!state.error },
          asked: asked.map(one => [one.path, one.requested, one.again ? "no-cache" : undefined, one !== latest])
        },
        `SEED=${SEED + round}: ${played.join(", ")}`
      );
    }
    world.draw(null);
    assert.deepEqual([world.timers.size, world.listeners.size], [0, 0]);
    for (const { init } of world.asked) assert.ok(init.signal.aborted, "a view that is gone waits for nothing");
  }
  Object.assign(globalThis, { setTimeout, clearTimeout, addEventListener, removeEventListener });
});
