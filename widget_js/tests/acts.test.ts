/** What the modules of shared/ do that know no view: whose focus moves, what is told of failures, where links lead. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { calm } from "./clock.ts";
import { enterPage, type FakeDocument, FakeElement, Happening, leavePage } from "./fakeDocument.ts";

let document: FakeDocument;
let pictures: string[];
let timers: (() => void)[];
beforeEach(() => {
  [pictures, timers] = [[], []];
  document = enterPage({
    VERSION: "?v",
    setTimeout: (work: () => void) => timers.push(work),
    Image: class {
      set src(address: string) {
        pictures.push(address);
      }
    }
  });
});
afterEach(leavePage);
let copies = 0;
const fresh = <T>(name: string): Promise<T> => import(`../shared/${name}.ts?copy=${copies}`) as Promise<T>;
const again = () => void copies++;

/** A widget with a dialog, and a control in it. */
function widget(isOpen = false): { host: FakeElement; control: FakeElement } {
  const host = new FakeElement("igrajdanin-widget");
  const dialog = new FakeElement("dialog");
  const control = new FakeElement("button");
  control.setAttribute("id", "second");
  host.attachShadow().append(dialog);
  dialog.append(control);
  if (isOpen) dialog.setAttribute("open", "");
  document.body.append(host);
  return { host, control };
}

test("focus and scroll move where the person has acted last, or in an open dialog, and nowhere else", async () => {
  again();
  const { attend, focus, focusOn, show, isTouched } = await fresh<typeof import("../shared/focus.ts")>("focus");
  const field = new FakeElement("input");
  document.body.append(field);
  const closed = widget(),
    open = widget(true);
  const leave = attend();
  /** What moves: the control, by its reference; what comes into view; the control that the next drawing brings. */
  const moves = ({ host, control }: ReturnType<typeof widget>): boolean[] => {
    document.focused = null;
    const before = document.shown.length;
    focus({ current: control as never });
    const isFocused = document.focused === control;
    show(control as never);
    document.focused = null;
    focusOn(host as never, "first", "second", "title");
    assert.equal(document.focused, null, "it is there after the next drawing");
    timers.splice(0).forEach(work => work());
    return [isFocused, document.shown.length > before, document.focused === control];
  };
  const none = [false, false, false],
    all = [true, true, true];
  assert.deepEqual([moves(closed), moves(open)], [none, all]);
  for (const type of ["pointerdown", "click", "keydown", "focusin", "change", "wheel"]) {
    field.act(type);
    assert.deepEqual(moves(closed), none);
    closed.control.act(type, { isTrusted: false });
    assert.deepEqual(moves(closed), none, "a script of the page is no person");
    closed.control.act(type);
    assert.deepEqual(moves(closed), all, type);
  }
  // Another tab comes back; a frame of the page has taken the focus over.
  document.window.dispatchEvent(new Happening("blur"));
  assert.equal(isTouched(closed.host as never), true);
  Object.assign(globalThis, { HTMLIFrameElement: FakeElement });
  field.dispatchEvent(new Happening("blur"));
  assert.equal(isTouched(closed.host as never), true);
  document.window.dispatchEvent(new Happening("blur"));
  assert.equal(isTouched(closed.host as never), false);
  closed.control.act("click");
  leave();
  assert.deepEqual([isTouched(closed.host as never), document.window.listeners], [false, []]);
  const second = new FakeElement("h2");
  Object.assign(second, { id: "title" }).setAttribute("tabIndex", -1);
  open.host.shadowRoot!.querySelector("dialog")!.append(second);
  assert.deepEqual(moves(open), all, "the first of several that is there");
});

test("what breaks is told once, by the widget that was touched last, else the first, and of ours alone", async () => {
  again();
  const { watchFailures, reportFailure } = await fresh<typeof import("../shared/telemetry.ts")>("telemetry");
  const { attend } = await fresh<typeof import("../shared/focus.ts")>("focus");
  const { folder } = await fresh<typeof import("../shared/chunks.ts")>("chunks");
  const leave = attend();
  const widgets = ["one", "two/ideas", "three"].map(key => {
    const made = widget();
    made.host.setAttribute("site-key", key);
    const launch = { host: made.host, service: "https://w.test", language: () => "ru", list: false };
    return { ...made, unwatch: watchFailures(launch as never) };
  });
  const told = () =>
    pictures
      .splice(0)
      .map(address => address.replace(/https:\/\/w.test\/api\/v1\/sites\/(.*)\/challenge\?v&failed=/, "$1 "));
  const happen = (type: string, init: object) => {
    (type[0] === "s" ? document : document.window).dispatchEvent(new Happening(type, init));
    return told();
  };
  const error = new Error("ours");
  const stack = (where: string) => Object.assign(error, { stack: `Error\n at x (${where}/x.js:1)` });
  assert.deepEqual(happen("error", { filename: "https://town.test/page.js" }), []);
  assert.deepEqual(happen("error", {}), []);
  assert.deepEqual(happen("unhandledrejection", { reason: stack("https://town.test/") }), []);
  assert.deepEqual(happen("unhandledrejection", { reason: folder }), [], "no error of ours");
  assert.deepEqual(happen("error", { filename: folder + "core.js" }), ["one crash"]);
  assert.deepEqual(happen("error", { filename: folder + "core.js" }), [], "once");
  widgets[1]!.control.act("click");
  assert.deepEqual(happen("unhandledrejection", { reason: stack(folder) }), ["two crash"]);
  const violation = (blockedURI: string, effectiveDirective: string) => ({ blockedURI, effectiveDirective });
  assert.deepEqual(happen("securitypolicyviolation", violation("https://other.test/a", "connect-src")), []);
  assert.deepEqual(happen("securitypolicyviolation", violation("https://w.test/a", "img-src")), [
    "one img-src",
    "two img-src",
    "three img-src"
  ]);
  widgets[0]!.unwatch();
  assert.deepEqual(happen("securitypolicyviolation", violation("https://w.test/a", "connect-src")), [
    "two connect-src",
    "three connect-src"
  ]);
  widgets[1]!.unwatch();
  assert.deepEqual(happen("error", { filename: folder + "core.js" }), ["three crash"], "the first that is left");
  widgets[2]!.unwatch();
  leave();
  assert.deepEqual([document.listeners, document.window.listeners], [[], []]);
  reportFailure({ service: "https://w.test", key: "four" }, "send");
  assert.deepEqual(told(), ["four send"]);
});

test("the device is asked where it may be, and what it says late is not heard", async () => {
  const { getPosition, locatable } = await fresh<typeof import("../shared/geolocation.ts")>("geolocation");
  const page = globalThis as unknown as Record<string, unknown>;
  const policy = (allows?: boolean) =>
    Object.assign(document, {
      featurePolicy:
        allows === undefined ? undefined : { allowsFeature: (name: string) => name === "geolocation" && allows }
    });
  for (const [secure, allows, expected] of [
    [true, undefined, true],
    [true, true, true],
    [true, false, false],
    [false, true, false],
    [false, undefined, false]
  ] as const) {
    page.isSecureContext = secure;
    policy(allows);
    assert.equal(locatable(), expected, `${secure} ${allows}`);
  }
  const questions: { found(one: unknown): void; failed(one: unknown): void; options: object }[] = [];
  const { navigator } = globalThis;
  const device = {
    getCurrentPosition: (found: () => void, failed: () => void, options: object) =>
      questions.push({ found, failed, options })
  };
  Object.defineProperty(globalThis, "navigator", { configurable: true, value: { geolocation: device } });
  for (const isLate of [false, true])
    for (const isFound of [true, false]) {
      const control = new AbortController();
      let told = "nothing";
      void getPosition(control.signal, { maximumAge: 5 }).then(
        one => (told = "found " + String(one)),
        one => (told = "failed " + String(one))
      );
      const { found, failed, options } = questions.pop()!;
      assert.deepEqual(options, { timeout: 15_000, maximumAge: 5 });
      if (isLate) control.abort();
      (isFound ? found : failed)(7);
      await calm();
      assert.equal(told, isLate ? "nothing" : isFound ? "found 7" : "failed 7");
    }
  Object.defineProperty(globalThis, "navigator", { configurable: true, value: navigator });
});

test("links lead somewhere or call somebody, and the browser keeps its own presses", async () => {
  const { link, plainLink } = await fresh<typeof import("../shared/links.ts")>("links");
  for (const address of ["https://a.test/", "http://a.test", "HTTPS://a.test", "tel:112", "mailto:a@b.test"])
    assert.equal(link(address), address);
  for (const address of ["javascript:alert(1)", " javascript:https://", "x-https://a", "/way", "", null, undefined])
    assert.equal(link(address), undefined);
  const host = new FakeElement("igrajdanin-widget");
  const options = { service: "https://w.test", key: "wk" } as never;
  assert.equal(plainLink(host as never, options), "https://w.test/s/wk/report");
  const own = new FakeElement("a");
  host.append(own);
  for (const [href, expected] of [
    ["https://town.test/form", "https://town.test/form"],
    ["javascript:1", "https://w.test/s/wk/report"]
  ] as const) {
    own.href = href;
    assert.equal(plainLink(host as never, options), expected);
  }
  const { isOwnClick } = await fresh<typeof import("../shared/click.ts")>("click");
  assert.equal(isOwnClick({ button: 0 } as never), true);
  for (const other of ["metaKey", "ctrlKey", "shiftKey", "altKey", "button"])
    assert.equal(isOwnClick({ [other]: 1 } as never), false, other);
  const { pageOf } = await fresh<typeof import("../shared/page.ts")>("page");
  const config = (site: string) => ({ links: { site } }) as never;
  assert.deepEqual(
    [
      pageOf({ config: config("https://w.test/s/wk"), entries: undefined }, 5),
      pageOf({ config: config("https://w.test/s/wk/ideas"), entries: {} as never }, 5),
      pageOf({ config: config("javascript:") }, 5)
    ],
    ["https://w.test/s/wk/problems/5", "https://w.test/s/wk/ideas/5", undefined]
  );
});

test("a browser gives one voice a problem of a site, and keeps its number where it may store", async () => {
  const { support, voices } = await fresh<typeof import("../shared/voices.ts")>("voices");
  const { FakeStorage } = await import("./fakeStorage.ts");
  const storage = new FakeStorage();
  Object.assign(globalThis, { localStorage: storage });
  const sent: [path: string, body: Record<string, unknown>][] = [];
  const site = (key: string) =>
    ({
      options: { key },
      tickets: { take: async () => "t", drop: () => undefined },
      api: { send: async (path: string, body: Record<string, unknown>) => (sent.push([path, body]), { supporters: 3 }) }
    }) as never;
  assert.equal(await support(site("a"), 7), 3);
  await support(site("a"), 8);
  await support(site("b"), 9);
  const [, { supporter }] = sent[0]!;
  assert.match(String(supporter), /^[\da-f]{32}$/);
  assert.deepEqual(
    sent,
    [7, 8, 9].map(number => [`/problems/${number}/support`, { supporter, ticket: "t" }])
  );
  assert.deepEqual([voices(site("a")), voices(site("b"))], [["7", "8"], ["9"]]);
  storage.state.isFull = true;
  assert.equal(await support(site("a"), 10), 3);
});

test("the page's document is its own, whatever elements it has, and its methods are called on it", async () => {
  class Page {
    title = "here";
    get body() {
      return this === named ? "body" : "another";
    }
    write() {
      return this === named ? "written" : "on a proxy";
    }
  }
  const named = new Page();
  for (const name of ["body", "write"]) Object.defineProperty(named, name, { value: "an element", configurable: true });
  Object.assign(globalThis, { Document: Page, document: named });
  type Fake = { document: Page };
  const shared = (await import("../shared/document.ts")) as unknown as Fake;
  const loaders = (await import("../loader/document.ts")) as unknown as Fake;
  for (const { document } of [shared, loaders])
    assert.deepEqual([document.body, document.write()], ["body", "written"]);
  shared.document.title = "changed";
  assert.deepEqual([named.title, "title" in shared.document, "none" in shared.document], ["changed", true, false]);
});
