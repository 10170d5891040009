/**
 * What pages do with the loader: elements and `div`s that come and go, attributes, properties, `igrajdanin(…)` before
 * and after them, in generated sequences beside a model; and what each of them asks for when it is opened.
 */

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { calm } from "./clock.ts";
import { enterPage, FakeDocument, type FakeElement, Happening, leavePage, Watch } from "./fakeDocument.ts";
import { generator, SEED } from "./seed.ts";

const SEQUENCES = 60;
const LENGTH = 30;
const TAG = "igrajdanin-widget";
const CORE = "data:text/javascript,export const mount = launch => globalThis.mountWidget(launch)";
const HASH = "abc+/defghijk";

interface Mounted {
  host: FakeElement;
  opened: unknown[];
  updates: number;
  isOpen: boolean;
  isGone: boolean;
}
let document: FakeDocument;
let mounted: Mounted[];
let asked: { address: string; signal: AbortSignal | undefined }[];
/** A chunk comes at once, or not, or hangs. */
let isReachable: boolean | undefined;
let links: { name: string; nonce: unknown; integrity: unknown }[];
let page: { pathname: string; hash: string };
const settle = () => calm(6);

const clock = performance;
const plain = FakeDocument.prototype.createElement;
const begin = async () => {
  [mounted, asked, links, isReachable] = [[], [], [], true];
  page = { pathname: "/", hash: "" };
  document = enterPage({
    RELEASE: "1.2.0/",
    TEXTS: "t",
    VERSION: "?v",
    HASHES: { core: HASH, report: HASH, browse: HASH },
    LABELS: { ru: ["Сообщить", "Ещё раз"], en: ["Report", "Again"] },
    matchMedia: () => ({ matches: false }),
    location: page,
    igrajdanin: undefined,
    fetch: (address: string | URL, { signal }: { signal?: AbortSignal } = {}) => {
      asked.push({ address: String(address), signal });
      return Promise.reject(new Error("network"));
    },
    mountWidget: ({ host }: { host: FakeElement }) => {
      const one: Mounted = { host, opened: [], updates: 0, isOpen: false, isGone: false };
      mounted.push(one);
      return {
        get isOpen() {
          return one.isOpen;
        },
        open: async (options: unknown) => void ((one.isOpen = true), one.opened.push(options)),
        close: () => void (one.isOpen = false),
        update: () => void one.updates++,
        destroy: () => void (one.isGone = true)
      };
    }
  });
  await import(CORE);
  document.resolve = address => (address.endsWith(".js") ? CORE : address);
  const { append } = document.head;
  document.head.append = (link: FakeElement) => {
    const { nonce, integrity } = link as unknown as { nonce: string; integrity: string };
    links.push({ name: link.getAttribute("href")!.replace("https://w.test/w/1.2.0/", ""), nonce, integrity });
    append.call(document.head, link);
    if (isReachable === undefined) return;
    const type = isReachable ? "load" : "error";
    queueMicrotask(() => link.dispatchEvent(new Happening(type)));
  };
};
beforeEach(begin);
afterEach(leavePage);

let rounds = 0;
const load = (script: object = {}) => {
  const { dataset = {}, ...rest } = script as { dataset?: object };
  document.currentScript = { src: "https://w.test/w/1/loader.js", integrity: "", nonce: "n", dataset, ...rest };
  return import("../loader/loader.ts?page=" + ++rounds);
};
const run = (...call: unknown[]) =>
  (globalThis as unknown as { igrajdanin: (...call: unknown[]) => void }).igrajdanin(...call);
const make = (attributes: Record<string, string>, inDiv = false): FakeElement => {
  const element = document.createElement(inDiv ? "div" : TAG);
  for (const [name, value] of Object.entries(attributes))
    if (value) element.setAttribute(!inDiv ? name : name === "site-key" ? "data-" + TAG : "data-" + name, value);
  return element;
};
const widgetOf = (element: FakeElement) =>
  (element.localName === TAG ? element : element.querySelector(TAG)) as FakeElement & {
    open(options?: object): Promise<void>;
  };
const slotOf = (element: FakeElement) => widgetOf(element).shadowRoot!.querySelector("slot")!;
const buttonOf = (element: FakeElement) => widgetOf(element).shadowRoot!.querySelector("button")!;

test("an opening asks for what it will show, in the language of the element, else of the page", async () => {
  await load({ dataset: { api: "https://api.test/" } });
  const site = "https://api.test/api/v1/sites/wk";
  const texts = (name: string) => `https://w.test/w/1.2.0/${name}-t.json`;
  for (const type of ["", "extended"])
    for (const view of ["", "inline", "floating", "figures"])
      for (const collection of ["", "ideas"])
        for (const start of ["", "list"])
          for (const wish of [undefined, {}, { view: "report" }, { view: "list" }])
            for (const hash of ["", "#igrajdanin?status=new&problem=3"]) {
              // Each in one of these languages.
              const [lang, root, spoken] = [
                ["", "en-GB", "en"],
                ["ru", "en", "ru"],
                ["en-US", "", "en"],
                ["", "de", "ru"]
              ][(links.length + view.length) % 4] as [string, string, string];
              document.documentElement.lang = root;
              [asked, links, mounted] = [[], [], []];
              const element = make({ "site-key": "wk", type, view, collection, lang, start }, true);
              const link = document.createElement("a");
              element.append(link);
              document.body.append(element);
              await settle();
              assert.equal(link.parentNode, widgetOf(element), "the link stays, inside");
              page.hash = hash;
              const isReading = type === "extended" || view === "figures";
              const isInPage = view === "inline" || view === "figures";
              const [button, slot] = [buttonOf(element), slotOf(element)];
              assert.deepEqual(
                [button.textContent, button.hidden, slot.hidden],
                [spoken === "en" ? "Report" : "Сообщить", isInPage, !isInPage]
              );
              const begins = !wish ? isInPage || !!collection || !!start : !("view" in wish) || wish.view === "list";
              const list = isReading && begins;
              const city = view === "figures" ? `${site}/challenge?v` : collection ? "" : `${site}/problems?`;
              const shared = type === "extended" && view !== "figures" && hash ? "status=new&problem=3" : "";
              await widgetOf(element).open(wish);
              const story = JSON.stringify({ type, view, collection, start, wish, hash, lang, root });
              assert.deepEqual(
                asked.map(({ address }) => address),
                [
                  `${site}?lang=${spoken}`,
                  list && city ? city + (view === "figures" ? "" : shared) : list ? "" : `${site}/challenge?v`,
                  texts(spoken + "-widget"),
                  list ? texts(spoken + "-browse") : ""
                ].filter(Boolean),
                story
              );
              assert.deepEqual([button.getAttribute("aria-busy"), slot.hidden], [null, true], story);
              assert.ok(asked.every(({ signal, address }) => signal || address.includes("failed")));
              assert.deepEqual(
                links.map(({ name }) => name),
                ["core-abcdefgh.js", list ? "browse-abcdefgh.js" : "report-abcdefgh.js"],
                story
              );
              const isList = isReading && (isInPage || !!collection || !!start);
              assert.deepEqual(mounted[0]!.opened, [wish || (isList ? undefined : { view: "report" })], story);
              element.remove();
              page.hash = "";
              await settle();
            }
  assert.ok(links.every(({ nonce, integrity }) => nonce === "n" && integrity === "sha256-" + HASH));
  assert.equal(document.head.childNodes.length, 0, "links go when they have come");
});

test(`commands reach their widgets, and wait for them (SEED=${SEED})`, async () => {
  for (let round = 0; round < SEQUENCES; round++) {
    const pick = generator(SEED * 1000 + round);
    await begin();
    const played: string[] = [];
    const heard: string[] = [];
    const told: string[] = [];
    const listeners = new Map<string, () => void>();
    /** Of commands that wait: what is opened by them when a widget is there. */
    let waiting: { command: string; target: string; path: string }[] = [];
    const places: Record<string, FakeElement> = {};
    for (const name of ["section", "main"]) document.body.append((places[name] = document.createElement(name)));
    const shadow = document.createElement("aside");
    shadow.attachShadow();
    places.main!.append(shadow);
    /** Those that stand in the page, in the order in which they came. */
    let standing: { name: string; place: string; element: FakeElement; opens: number; isOpen: boolean }[] = [];
    let made = 0;
    const begun = new Set<(typeof standing)[number]>();
    const inside = (target: string, one: (typeof standing)[number]) =>
      ["", one.name, one.place].includes(target) || (target === "main" && one.place === "shadow");
    /** Commands of one moment: openings take place after them, unless the last one closes. */
    const command = (...given: typeof waiting) => {
      const opens = new Map<(typeof standing)[number], number>();
      for (const one of given) {
        const found = standing.find(other => inside(one.target, other));
        if (!found) waiting.push(one);
        else {
          found.isOpen = one.command === "open";
          opens.set(found, (opens.get(found) || 0) + +found.isOpen);
          if (found.isOpen) begun.add(found);
          if (one.command === "destroy") standing = standing.filter(other => other !== found);
        }
      }
      for (const [found, times] of opens) if (found.isOpen) found.opens += times;
    };
    const arrive = (one: (typeof standing)[number]) => {
      standing.push(one);
      for (const [name] of listeners) if (!name || inside(name, one)) told.push(name + ":" + one.name);
      // Each ready calls once all that wait for something in there, those of the innermost first.
      const called = [one.name, one.place, one.place === "shadow" ? "main" : "-", ""].flatMap(name =>
        waiting.filter(({ target }) => target === name)
      );
      waiting = waiting.filter(given => !called.includes(given));
      command(...called.filter(({ path }) => path === page.pathname));
    };
    const targets: Record<string, FakeElement> = places;
    const target = () => ["", "section", "main", ...standing.map(({ name }) => name)][pick(3 + standing.length)]!;
    const early = pick(2);
    const stub = Object.assign((...call: unknown[]) => stub.q.push(call), { q: [] as unknown[][] });
    if (early) {
      Object.assign(globalThis, { igrajdanin: stub });
      run("open");
      command({ command: "open", target: "", path: page.pathname });
    }
    await load();
    const acts: Record<string, () => unknown> = {
      add: () => {
        const inDiv = pick(2) > 0;
        const place = ["section", "main", "shadow"][pick(inDiv ? 2 : 3)]!;
        const one = { name: "w" + ++made, place, element: make({ "site-key": "wk" }, inDiv), opens: 0, isOpen: false };
        targets[one.name] = one.element;
        one.element.setAttribute("name", one.name);
        (place === "shadow" ? shadow.shadowRoot! : places[place]!).append(one.element);
        played.push(one.name + " in " + place + (inDiv ? " as a div" : ""));
        return () => arrive(one);
      },
      remove: () => {
        const [one] = standing.splice(pick(standing.length || 1), 1);
        if (one) one.element.remove();
      },
      move: () => {
        const one = standing[pick(standing.length || 1)];
        if (!one || one.place === "shadow") return;
        [one.place, one.isOpen] = [one.place === "main" ? "section" : "main", false];
        places[one.place]!.append(one.element);
        standing = standing.filter(other => other !== one);
        return () => arrive(one);
      },
      "another page": () => {
        page.pathname += "x";
      }
    };
    for (const name of ["open", "close", "destroy"])
      acts[name] = () => {
        if (name === "destroy" && pick(3)) return;
        const given = target();
        played[played.length - 1] += " " + given;
        run(name, ...(given ? [targets[given]] : []));
        command({ command: name, target: given, path: page.pathname });
      };
    acts.listen = () => {
      const given = target();
      const former = listeners.get(given);
      played.push(`${former ? "off" : "on"} ${given}`);
      const rest = given ? [targets[given]] : [];
      if (former) {
        listeners.delete(given);
        return run("off", "ready", former, ...rest);
      }
      const listener = (event?: Happening) => {
        const { target: host } = event!;
        const named = [host, ...(host as FakeElement).all(), (host as FakeElement).closest("[name]")];
        const [found] = named.map(one => one && (one as FakeElement).getAttribute("name")).filter(Boolean);
        heard.push(given + ":" + found);
      };
      listeners.set(given, listener as () => void);
      run("on", "ready", listener, ...rest);
    };
    const names = [...Object.keys(acts), "add", "open"];
    for (let step = 0; step < LENGTH; step++) {
      const name = names[pick(names.length)]!;
      played.push(name);
      const after = acts[name]!();
      await settle();
      if (typeof after === "function") after();
      // Node resolves an import in another thread.
      for (let turn = 0; turn < 2000 && mounted.length < begun.size; turn++)
        await new Promise(resolve => setTimeout(resolve, 1));
      await settle();
      assert.deepEqual(
        {
          heard: heard.sort(),
          opens: standing.map(one => [
            one.name,
            mounted
              .filter(({ host }) => host === widgetOf(one.element))
              .reduce((sum, { opened }) => sum + opened.length, 0),
            (widgetOf(one.element) as unknown as { isOpen: boolean }).isOpen
          ])
        },
        { heard: told.sort(), opens: standing.map(one => [one.name, one.opens, one.isOpen]) },
        `SEED=${SEED}, sequence ${round}: ${played.join(", ")}`
      );
    }
  }
});

test("where its code does not come the button says so beside the link, and its next press tries again", async () => {
  const own = { setTimeout };
  for (const hangs of [false, true]) {
    await begin();
    await load();
    const element = make({ "site-key": "wk", view: "inline", label: "Жалоба" });
    const told: unknown[] = [];
    document.body.append(element);
    // Whoever is taken out at once is not ready; as React 18 does, listeners come when it stands in the page.
    const gone = make({ "site-key": "wk" });
    gone.addEventListener("igrajdanin:ready", () => told.push("gone"));
    document.body.append(gone);
    gone.remove();
    for (const name of ["ready", "error"])
      element.addEventListener("igrajdanin:" + name, ({ detail }) => told.push(name, detail));
    await settle();
    assert.deepEqual(told.splice(0), ["ready", null]);
    const timers: [work: () => void, wait: number][] = [];
    Object.assign(globalThis, { setTimeout: (...timer: [() => void, number]) => timers.push(timer) });
    isReachable = hangs ? undefined : false;
    const opening = widgetOf(element).open();
    assert.equal(buttonOf(element).getAttribute("aria-busy"), "true");
    if (hangs) for (const [work, wait] of timers) if (wait === 15_000) work();
    await assert.rejects(opening);
    Object.assign(globalThis, own);
    const state = () => {
      const { textContent, hidden } = buttonOf(element);
      return [textContent, hidden, slotOf(element).hidden, buttonOf(element).getAttribute("aria-busy")];
    };
    assert.deepEqual(state(), ["Ещё раз", false, false, null]);
    const addresses = asked.splice(0).map(({ address }) => address.replace(/^.*?w(k?)\//, ""));
    const failed = ["1/chunks.json", "challenge?v&failed=load"];
    assert.deepEqual(addresses.slice(hangs ? -1 : -2), hangs ? failed.slice(1) : failed);
    assert.deepEqual(told, ["error", null]);
    isReachable = true;
    await widgetOf(element).open();
    assert.deepEqual([state(), mounted.length], [["Жалоба", true, true, null], 1]);
  }
});

test("browsers that preload no modules import them, and so does a page that takes links out at once", async () => {
  for (const isKnown of [true, false]) {
    await begin();
    await load();
    if (isKnown) document.head.append = () => undefined;
    else isReachable = undefined;
    if (!isKnown)
      document.createElement = tag => Object.assign(plain.call(document, tag), { relList: { supports: () => false } });
    const element = make({ "site-key": "wk" });
    document.body.append(element);
    await widgetOf(element).open();
    assert.equal(mounted.length, 1);
  }
});

test("a button grows where the page was drawn without it, for those who like things to move", async () => {
  for (const [isDrawn, likes, height, isLate] of [
    [true, true, 20, false],
    [false, true, 20, false],
    [true, false, 20, false],
    [true, true, 44, false],
    [true, true, 20, true]
  ] as const) {
    await begin();
    let grown = 0;
    document.box.height = height;
    Object.assign(globalThis, {
      matchMedia: (query: string) => ({ matches: likes && query.includes("no-preference") }),
      performance: { getEntriesByType: (type: string) => (isDrawn && type === "paint" ? [{}] : []) }
    });
    document.createElement = tag => Object.assign(plain.call(document, tag), { animate: () => grown++ });
    if (isLate) await load();
    document.body.append(make({ "site-key": "wk" }));
    if (!isLate) await load();
    await settle();
    assert.equal(grown, +(isDrawn && likes && height < 44 && !isLate));
  }
  Object.assign(globalThis, { performance: clock });
});

test("a build that is gone is replaced by the present one, unless the page vouches for this script alone", async () => {
  const fetched = (globalThis as { fetch: unknown }).fetch;
  for (const integrity of ["", "sha384-x"]) {
    document.body.textContent = "";
    document.defined.clear();
    await load({ integrity });
    const element = make({ "site-key": "wk" });
    document.body.append(element);
    [links, isReachable] = [[], false];
    Object.assign(globalThis, {
      fetch: (address: string | URL) => {
        if (!String(address).endsWith("/w/1/chunks.json")) return Promise.reject(new Error("network"));
        isReachable = true;
        return Promise.resolve({ json: async () => ["next/", { core: "new+core9", report: "new+report" }] });
      }
    });
    const isOpen = await widgetOf(element)
      .open()
      .then(
        () => true,
        () => false
      );
    assert.deepEqual(
      [isOpen, links.slice(2).map(({ name }) => name)],
      integrity
        ? [false, []]
        : [true, ["core-newcore9", "report-newrepor"].map(name => `https://w.test/w/next/${name}.js`)]
    );
    await settle();
  }
  Object.assign(globalThis, { fetch: fetched });
});

test("attributes are properties, those that were set before the script too, and change what stands", async () => {
  const early = Object.assign(make({ "site-key": "wk" }), { label: "Рано", siteKey: "early" });
  (Object.getPrototypeOf(early) as Record<string, unknown>).hide = () => undefined;
  document.body.append(early);
  await load();
  delete (Object.getPrototypeOf(Object.getPrototypeOf(early)) as Record<string, unknown>).hide;
  assert.deepEqual(
    ["site-key", "label", "hide"].map(name => early.getAttribute(name)),
    ["early", "Рано", null]
  );
  const element = early as unknown as Record<string, unknown>;
  const button = buttonOf(early);
  assert.equal(button.textContent, "Рано");
  element.label = "Позже";
  assert.deepEqual([early.getAttribute("label"), button.textContent, element.siteKey], ["Позже", "Позже", "early"]);
  element.label = undefined;
  assert.deepEqual([element.label, button.textContent], ["", "Сообщить"]);
  early.setAttribute("lang", "en");
  assert.equal(button.textContent, "Report");
  const sheet = () => early.shadowRoot!.adoptedStyleSheets.map(one => (one as { css: string }).css).join();
  assert.doesNotMatch(sheet(), /fixed/);
  element.view = "floating";
  assert.match(sheet(), /fixed.*bottom:.*right:.*@media print\{:host\{display:none/);
  element.corner = "top-left";
  assert.match(sheet(), /fixed.*top:.*left:/);
  element.view = "inline";
  assert.doesNotMatch(sheet(), /fixed/);
  assert.deepEqual([button.hidden, Watch.all.size], [true, 1]);
  const [watch] = Watch.all;
  watch!.tell([{ isIntersecting: false }]);
  await settle();
  assert.equal(links.length, 0);
  watch!.tell([{ isIntersecting: true }]);
  for (let turn = 0; turn < 2000 && !mounted[0]; turn++) await new Promise(resolve => setTimeout(resolve, 1));
  await settle();
  const [widget] = mounted;
  assert.deepEqual([widget!.opened, slotOf(early).hidden], [[], true]);
  early.setAttribute("theme", "dark");
  assert.equal(widget!.updates, 1);
  element.view = "";
  assert.equal(Watch.all.size, 0);
  const div = make({ "site-key": "wk" }, true);
  document.body.append(div);
  await settle();
  run("destroy", div);
  await settle();
  widgetOf(div).setAttribute("view", "floating");
  const [, ownSheet] = widgetOf(div).shadowRoot!.adoptedStyleSheets as { css: string }[];
  assert.equal(ownSheet!.css, ":host{display:none!important}", "it shows nothing any more");
  assert.deepEqual([div.getAttribute("data-" + TAG), widgetOf(div).shadowRoot!.childNodes.length], [null, 0]);
  run("destroy");
  await settle();
  assert.deepEqual(
    [widget!.isGone, early.shadowRoot!.childNodes.length, sheet().includes("display:none!important")],
    [true, 0, true]
  );
});

test("a press of the button opens the form, and nearness brings its code, whose failure is nobody's", async () => {
  await load();
  const element = make({ "site-key": "wk", type: "extended" });
  document.body.append(element);
  const button = buttonOf(element);
  isReachable = false;
  for (const type of ["pointerenter", "focus"]) {
    links = [];
    button.act(type);
    await settle();
    assert.deepEqual(
      links.map(({ name }) => name.slice(0, 4)),
      ["core", "repo"]
    );
  }
  assert.equal(mounted.length, 0);
  isReachable = true;
  button.press();
  for (let turn = 0; turn < 2000 && !mounted[0]; turn++) await new Promise(resolve => setTimeout(resolve, 1));
  await settle();
  assert.deepEqual(mounted[0]!.opened, [{ view: "report" }]);
});

test("an address that somebody has shared opens the first widget that can read it", async () => {
  page.hash = "#/other?status=new";
  const other = make({ "site-key": "wk", type: "extended" });
  document.body.append(other);
  await load();
  await settle();
  assert.equal(links.length, 0);
  other.remove();
  document.defined.clear();
  page.hash = "#igrajdanin?status=new";
  const elements = ["basic", "extended", "extended"].map(type => make({ "site-key": "wk", type }));
  document.body.append(...elements);
  await load();
  for (let turn = 0; turn < 2000 && !mounted[0]; turn++) await new Promise(resolve => setTimeout(resolve, 1));
  await settle();
  assert.deepEqual(
    mounted.map(({ host, opened }) => [elements.indexOf(host), opened]),
    [[1, [{ view: "list" }]]]
  );
});

test("a second copy changes nothing, and one of another service says so", async () => {
  const warned: unknown[] = [];
  const { console } = globalThis;
  Object.assign(globalThis, { console: { ...console, warn: (line: unknown) => warned.push(line) } });
  await load();
  const [defined] = document.defined.values();
  await load();
  assert.deepEqual([warned, document.defined.get(TAG)], [[], defined]);
  await load({ src: "https://other.test/w/1/loader.js" });
  assert.deepEqual(warned, ["igrajdanin: https://other.test/w/1/loader.js refused, the page has https://w.test"]);
  Object.assign(globalThis, { console });
});
