/** What comes to pages that embed the form in a frame, and to applications that install the npm package. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { enterPage, type FakeDocument, type FakeElement, Happening, leavePage } from "./fakeDocument.ts";

let document: FakeDocument;
let copies = 0;
beforeEach(() => {
  document = enterPage({
    getComputedStyle: ({ sizing }: { sizing: string }) => ({ boxSizing: sizing }),
    igrajdanin: undefined
  });
});
afterEach(leavePage);

interface Frame extends FakeElement {
  greeted: unknown[];
  contentWindow: object;
  contentDocument: object | null;
}
/** A frame whose page is here; `URL`: of a document that the page may read. */
function frame(src: string, URL?: string, sizing = "content-box"): Frame {
  const greeted: unknown[] = [];
  const made = Object.assign(document.createElement("iframe"), {
    src,
    sizing,
    greeted,
    border: 2,
    contentWindow: { postMessage: (...message: unknown[]) => greeted.push(message) },
    contentDocument: URL ? { URL } : null
  }) as unknown as Frame;
  document.body.append(made);
  return made;
}

test("a frame of the service gets its height, and the page its events; nobody else is heard or greeted", async () => {
  const HELLO = [[{ igrajdanin: "hello" }, "https://w.test"]];
  for (const [src, dataset] of [
    ["https://w.test/w/1/frame.js", {}],
    ["https://town.test/files/frame.js", { api: "https://w.test/" }]
  ] as const) {
    document = enterPage({ getComputedStyle: ({ sizing }: { sizing: string }) => ({ boxSizing: sizing }) });
    document.currentScript = { src, dataset };
    const ours = frame("https://w.test/s/wk/embed");
    const bordered = frame("https://w.test/s/wk2/embed", undefined, "border-box");
    const beside = frame("https://w.test/sites/new");
    const empty = frame("https://w.test/s/wk3/embed", "about:blank");
    await import("../iframe/iframe.ts?copy=" + ++copies);
    const all = [ours, bordered, beside, empty];
    assert.deepEqual(
      all.map(({ greeted }) => greeted),
      [HELLO, HELLO, [], []]
    );
    const late = frame("https://w.test/s/wk4/embed");
    for (const one of [late, beside, document.createElement("img")]) one.dispatchEvent(new Happening("load"));
    assert.deepEqual([late.greeted, beside.greeted], [HELLO, []]);

    const told: unknown[] = [];
    for (const one of all)
      for (const name of ["ready", "step", "submitted", "error", "height", "hello", "open"])
        one.addEventListener("igrajdanin:" + name, ({ detail }) => told.push([all.indexOf(one), name, detail]));
    const say = (data: unknown, source: Frame = ours, origin = "https://w.test") => {
      document.window.dispatchEvent(new Happening("message", { data, source: source.contentWindow, origin }));
      return source.style.height;
    };
    const height = (height: unknown, ...from: [Frame?, string?]) => say({ igrajdanin: "height", height }, ...from);
    assert.deepEqual([height(500.2), height(600, bordered)], ["501px", "604px"]);
    // Neither of another origin, nor of another window, nor what is no height.
    for (const wrong of [0, -5, 20_001, "many", undefined]) assert.equal(height(wrong), "501px");
    height(700, ours, "https://evil.test");
    height(700, beside);
    say(null);
    say("text");
    assert.deepEqual([ours.style.height, beside.style.height, height(20_000)], ["501px", undefined, "20000px"]);
    for (const name of ["ready", "step", "submitted", "error", "hello", "open"])
      say({ igrajdanin: name, detail: name });
    say({ igrajdanin: "step", detail: 1 }, ours, "https://evil.test");
    say({ igrajdanin: "step", detail: 1 }, beside);
    assert.deepEqual(
      told,
      ["ready", "step", "submitted", "error"].map(name => [0, name, name])
    );
  }
});

interface Package {
  install(options: { api: string; version?: string; integrity?: string; nonce?: string }): Promise<void>;
  igrajdanin(...call: unknown[]): void;
}
const bring = () => import("../npm/index.js?copy=" + ++copies) as Promise<Package>;

test("the package brings one loader, tells of its failure, and then tries again", async () => {
  const { install } = await bring();
  const scripts = () => document.head.childNodes as (FakeElement & Record<string, unknown>)[];
  const both = [
    install({ api: "https://w.test/", integrity: "sha384-x", nonce: "n" }),
    install({ api: "https://w.test" })
  ];
  assert.equal(scripts().length, 1);
  const [script] = scripts();
  const { src, integrity, crossOrigin, nonce } = script!;
  assert.deepEqual(
    [src, integrity, crossOrigin, nonce],
    ["https://w.test/w/1/loader.js", "sha384-x", "anonymous", "n"]
  );
  script!.dispatchEvent(new Happening("error"));
  for (const one of both) await assert.rejects(one, /https:\/\/w\.test\/w\/1\/loader\.js did not load/);
  assert.equal(scripts().length, 0);
  const again = install({ api: "https://w.test", version: "1.2.0" });
  assert.deepEqual(
    scripts().map(one => [one.src, one.integrity, one.crossOrigin, one.nonce]),
    [["https://w.test/w/1.2.0/loader.js", undefined, undefined, undefined]]
  );
  scripts()[0]!.dispatchEvent(new Happening("load"));
  await again;
  document.define("igrajdanin-widget", Object.assign(class {}, { service: "https://w.test" }) as never);
  await install({ api: "https://w.test/" });
  await assert.rejects(install({ api: "https://other.test" }), /the page has https:\/\/w\.test/);
  assert.equal(scripts().length, 1);
  Object.assign(globalThis, { document: undefined, customElements: undefined });
  await install({ api: "https://w.test" });
});

test("calls before the loader wait in its queue, whatever has its name, and then go to it", async () => {
  const { igrajdanin } = await bring();
  const page = globalThis as unknown as { igrajdanin: { q?: unknown[] } };
  // An element with this id.
  Object.assign(globalThis, { igrajdanin: {} });
  igrajdanin("open");
  igrajdanin("on", "ready", 1);
  assert.deepEqual(page.igrajdanin.q, [["open"], ["on", "ready", 1]]);
  const calls: unknown[] = [];
  Object.assign(globalThis, { igrajdanin: (...call: unknown[]) => calls.push(call) });
  igrajdanin("close");
  assert.deepEqual(calls, [["close"]]);
});
