/**
 * The element, as pages and frameworks treat it while its code is on its way: opened, closed, moved, taken out and
 * destroyed in generated sequences, with a page made of plain objects. What the page is promised is kept.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { calm } from "./clock.ts";
import { enterPage, type FakeElement } from "./fakeDocument.ts";
import { generator, SEED } from "./seed.ts";

const SEQUENCES = 250;
const LENGTH = 25;
const TAG = "igrajdanin-widget";

/** The code of the widget, where it comes from `import()`. */
const CORE = "data:text/javascript,export const mount = launch => globalThis.mountWidget(launch)";
const globals = globalThis as unknown as Record<string, unknown>;

/** Chunks on their way, as preloaded modules. */
let links: FakeElement[] = [];
let mounts: { isOpen: boolean; isGone: boolean; opens: number }[] = [];
let slow: ((fail?: boolean) => void)[] = [];

const document = enterPage({
  ...{ RELEASE: "1/", TEXTS: "t", VERSION: "?v", HASHES: { core: "core", report: "report" }, LABELS: { ru: ["", ""] } },
  location: { hash: "", pathname: "/" },
  fetch: () => new Promise(() => {}),
  mountWidget: () =>
    new Promise((resolve, reject) => {
      slow.push(fail => {
        if (fail) return reject(new Error("broken"));
        const made = { isOpen: false, isGone: false, opens: 0 };
        mounts.push(made);
        resolve({
          get isOpen() {
            return made.isOpen;
          },
          open: async () => void ((made.isOpen = true), made.opens++),
          close: () => void (made.isOpen = false),
          update: () => undefined,
          destroy: () => void (made.isGone = true)
        });
      });
    })
});
Object.assign(document, {
  currentScript: { src: "https://w.test/w/1/loader.js", dataset: {} },
  // The file is not asked for.
  resolve: () => CORE
});
document.documentElement.lang = "ru";
document.head.append = (link: FakeElement) => void links.push(document.head.appendChild(link));

test(`an element keeps its promises, whatever happens meanwhile (SEED=${SEED})`, async () => {
  const own = { setTimeout, clearTimeout };
  globals.setTimeout = () => 0;
  await import("../loader/loader.ts");
  await import(CORE);
  for (let round = 0; round < SEQUENCES; round++) {
    const pick = generator(SEED + round);
    [links, mounts, slow] = [[], [], []];
    const element = document.createElement(TAG) as FakeElement & {
      open(): Promise<void>;
      close(): void;
      isOpen: boolean;
    };
    const events: string[] = [];
    for (const name of ["ready", "error"]) element.addEventListener("igrajdanin:" + name, () => events.push(name));
    /** Openings that wait for the code, those that were promised a widget, and those that were refused. */
    let waiting = 0;
    const kept = { opened: 0, refused: 0 };
    const expected = { opened: 0, refused: 0 };
    const told: string[] = [],
      played: string[] = [];
    let phase = "none" as "none" | "chunks" | "mount" | "here";
    let isIn = false,
      isWanted = false,
      isOpen = false,
      isDestroyed = false,
      mounted = 0,
      opens = 0;
    const fail = () => {
      phase = "none";
      told.push("error");
      expected.refused += waiting;
      waiting = 0;
      settle();
    };
    /** Taken out while its code came: it goes once that is here. */
    const settle = () => {
      if ((isIn && !isDestroyed) || phase === "chunks" || phase === "mount") return;
      phase = "none";
      isOpen = false;
    };
    const acts: Record<string, () => unknown> = {
      open: () => {
        if (!isIn) return;
        element.open().then(
          () => kept.opened++,
          () => kept.refused++
        );
        isWanted = !isDestroyed;
        if (isDestroyed && phase === "none") expected.refused++;
        else if (phase === "here") {
          expected.opened++;
          opens++;
          isOpen = true;
        } else waiting++;
        if (phase === "none" && !isDestroyed) phase = "chunks";
      },
      close: () => {
        element.close();
        isWanted = isOpen = false;
      },
      "chunks come": async () => {
        if (phase !== "chunks") return;
        links.splice(0).forEach(link => link.act("load"));
        phase = "mount";
        // Node resolves an import in another thread.
        for (let turn = 0; turn < 2000 && !slow[0]; turn++) await new Promise(resolve => own.setTimeout(resolve, 1));
      },
      "chunks fail": () => {
        // Those of a build that is gone are asked for by their new names, which do not come either.
        if (phase !== "chunks") return;
        globals.fetch = () => Promise.reject(new Error("network"));
        links.splice(0).forEach(link => link.act("error"));
        fail();
      },
      mounts: () => {
        if (phase !== "mount") return;
        assert.ok(slow[0], `not mounted: SEED=${SEED + round}: ${played.join(", ")}`);
        slow.shift()!();
        phase = "here";
        mounted++;
        expected[isDestroyed ? "refused" : "opened"] += waiting;
        if (isWanted) {
          opens += waiting;
          isOpen = waiting > 0;
        }
        waiting = 0;
        settle();
      },
      breaks: () => {
        if (phase !== "mount") return;
        slow.shift()!(true);
        fail();
      },
      "take out": () => {
        if (!isIn) return;
        isIn = false;
        element.remove();
        isWanted = isOpen = false;
        settle();
      },
      "put in": () => {
        if (isIn) return;
        isIn = true;
        document.body.append(element);
        if (!isDestroyed) told.push("ready");
      },
      destroy: () => {
        // Rarely, since that is all; elements that are not there are waited for.
        if (!isIn || pick(6)) return;
        (globals.igrajdanin as (...call: unknown[]) => void)("destroy", element);
        isDestroyed = true;
        isWanted = isOpen = false;
        settle();
      },
      move: () => {
        if (!isIn) return;
        document.body.append(element);
        isWanted = isOpen = false;
        // Of the page's two tellings of a move the second finds it in its place.
        if (!isDestroyed) told.push("ready");
      }
    };
    const names = [...Object.keys(acts), "open", "open", "chunks come", "mounts", "put in"];
    for (let step = 0; step < LENGTH; step++) {
      const name = names[pick(names.length)]!;
      played.push(name);
      await acts[name]!();
      await calm(3);
      const alive = mounts.filter(({ isGone }) => !isGone).length;
      assert.deepEqual(
        {
          ...kept,
          events,
          mounted: mounts.length,
          alive,
          opens: mounts.reduce((sum, one) => sum + one.opens, 0),
          isOpen: element.isOpen
        },
        { ...expected, events: told, mounted, alive: +(phase === "here"), opens, isOpen },
        `SEED=${SEED + round}: ${played.join(", ")}`
      );
    }
    element.remove();
  }
  Object.assign(globalThis, own);
});
