/**
 * The scripts of the service's own pages: the town's page as an application beside a model of it, in generated cases
 * of what is stored, shared and answered; and the forms that take photos.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { calm } from "./clock.ts";
import { FakeStorage } from "./fakeStorage.ts";
import { generator, SEED } from "./seed.ts";

const bundle = async (name: string) => {
  const entry = fileURLToPath(new URL(`../pages/${name}.ts`, import.meta.url));
  const { outputFiles } = await build({ entryPoints: [entry], bundle: true, write: false, format: "iife" });
  return outputFiles[0]!.text;
};
const [application, photos] = await Promise.all(["application", "photos"].map(bundle));

const TOWN = "/s/wk";
const FORM = TOWN + "/form";
const DAY = 86_400_000;

class Node {
  hidden = true;
  onclick(): void {}
  readonly attributes: Record<string, string> = {};
  src = "";
  constructor(readonly tag: string) {}
  setAttribute(name: string, value: string): void {
    this.attributes[name] = value;
  }
}

/** A page of the service, and the browser around it. */
class Page {
  time = 1e12;
  readonly timers = new Map<object, { due: number; work: () => void }>();
  readonly listeners: Record<string, (() => void)[]> = {};
  readonly asked: ((status: number) => void)[] = [];
  readonly said: string[] = [];
  readonly added: Node[] = [];
  readonly dataset: Record<string, string> = {};
  readonly nodes = Object.fromEntries(
    ["unsent", "not-shared", "shared", "take-shared", "drop-shared"].map(id => [id, new Node(id)])
  );
  readonly link = { href: TOWN + "/report" };
  readonly local = new FakeStorage();
  readonly session = new FakeStorage();
  readonly pictures = new Map<string, Blob>();
  readonly databases: string[] = [];
  search = "";

  run(code: string, pathname: string, given: Record<string, unknown> = {}): void {
    const { timers, added, said, nodes, dataset } = this;
    const globals: Record<string, unknown> = {
      document: {
        currentScript: { dataset: { key: "wk", ...(this.dataset.theme && { theme: this.dataset.theme }) } },
        documentElement: { dataset, lang: "en", removeAttribute: (name: string) => said.push("without " + name) },
        getElementById: (id: string) => nodes[id],
        createElement: (tag: string) => new Node(tag),
        head: { append: (node: Node) => added.push(node) },
        querySelector: () => ({ prepend: (node: Node) => added.push(node) }),
        querySelectorAll: () => [this.link]
      },
      location: {
        ...{ pathname, search: this.search, href: pathname + this.search, reload: () => said.push("reload") }
      },
      history: { state: 1, replaceState: (state: unknown, _: string, href: string) => said.push(`${state} ${href}`) },
      navigator: {
        serviceWorker: {
          register: (...all: unknown[]) => (said.push(JSON.stringify(all)), Promise.reject(new Error()))
        }
      },
      localStorage: this.local,
      sessionStorage: this.session,
      fetch: () =>
        new Promise((resolve, reject) =>
          this.asked.push(status => (status ? resolve({ status, ok: status === 200 }) : reject(new Error())))
        ),
      addEventListener: (name: string, work: () => void) => (this.listeners[name] ||= []).push(work),
      setTimeout: (work: () => void, wait: number) => {
        const timer = {};
        timers.set(timer, { due: this.time + wait, work });
        return timer;
      },
      clearTimeout: (timer: object) => timers.delete(timer),
      Date: { now: () => this.time },
      ...given
    };
    new Function(...Object.keys(globals), code)(...Object.values(globals));
  }
  fire(name: string): void {
    for (const work of this.listeners[name] || []) work();
  }
  pass(milliseconds: number): void {
    this.time += milliseconds;
    for (const [timer, { due, work }] of this.timers)
      if (due <= this.time) {
        this.timers.delete(timer);
        work();
      }
  }
}

test(`unsent reports are sent from the town's page, or remembered there (SEED=${SEED})`, () => {
  for (let round = 0; round < 300; round++) {
    const pick = generator(SEED + round);
    const page = new Page();
    let isSent = false,
      isRemembered = false;
    for (let index = pick(4); index; index--) {
      const site = ["wk", "wk", "wk", "wk2"][pick(4)];
      const name = `igrajdanin:${site}:${index}`;
      const age = [0, DAY - 1, DAY][pick(3)]!;
      const [waits, personal, own, isOfForm] = [pick(2), pick(2), pick(2), pick(2)].map(Boolean);
      const record = {
        at: page.time - age,
        values: {},
        page: isOfForm ? FORM : TOWN,
        ...(waits && { waits: {} }),
        personal
      };
      page.local.setItem(name, JSON.stringify(record));
      if (own) page.session.setItem(name, "{}");
      if (site !== "wk" || age === DAY) continue;
      isRemembered ||= !!isOfForm;
      isSent ||= !!(waits && (!personal || own));
    }
    if (pick(2)) page.dataset.theme = "dark";
    page.run(application!, TOWN);
    const theme = page.dataset.theme || "auto";
    const widget = {
      tag: "igrajdanin-widget",
      attributes: { "site-key": "wk", view: "inline", lang: "en", theme },
      src: ""
    };
    const loader = { tag: "script", attributes: {}, src: "/w/1/loader.js" };
    assert.deepEqual(
      {
        added: page.added.map(({ tag, attributes, src }) => ({ tag, attributes, src })),
        hidden: page.nodes.unsent!.hidden,
        link: page.link.href
      },
      { added: isSent ? [widget, loader] : [], hidden: isSent || !isRemembered, link: FORM },
      `SEED=${SEED + round}: ${page.local.text()}`
    );
  }
});

test(`a page that stands in comes back once the service answers (SEED=${SEED})`, async () => {
  for (let round = 0; round < 100; round++) {
    const pick = generator(SEED + round);
    const page = new Page();
    page.dataset.offline = "list";
    page.local.setItem("igrajdanin:wk:1", JSON.stringify({ at: page.time, values: {}, waits: {} }));
    page.run(application!, TOWN);
    page.fire("load");
    let pause = 1000,
      due = page.time + pause,
      asked = 0,
      isBack = false;
    for (let step = 0; step < 12 && !isBack; step++) {
      const isOnline = !pick(3);
      if (isOnline) page.fire("online");
      else page.pass(pick(2) ? pause - 1 : 70_000);
      const isDue = isOnline || page.time >= due;
      asked += +isDue;
      assert.equal(page.asked.length, asked, `SEED=${SEED + round}`);
      if (!isDue) continue;
      const status = [0, 500, 503, 200, 404][pick(step < 8 ? 3 : 5)]!;
      page.asked[asked - 1]!(status);
      await calm();
      isBack = !!status && status < 500;
      pause = Math.min(2 * pause, 60_000);
      due = page.time + pause;
      assert.equal(page.timers.size, isBack ? 0 : 1);
    }
    assert.deepEqual([page.said, page.added], [isBack ? ["reload"] : [], []], "and nothing else, until then");
  }
});

test("the worker serves its town alone, and comes after all else", async () => {
  const page = new Page();
  page.run(application!, TOWN);
  assert.deepEqual(page.said, []);
  page.fire("load");
  await calm();
  assert.deepEqual(page.said, [JSON.stringify(["/w/1/worker.js", { scope: TOWN }])]);
});

test(`what was shared becomes a draft of the form (SEED=${SEED})`, async () => {
  const KINDS: Record<string, [type: string, text: string]> = {
    photo: ["image/jpeg", "1"],
    other: ["image/jpeg", "22"],
    document: ["application/pdf", "3"],
    words: ["text/plain", "Слова"],
    more: ["text/plain", "И ещё"]
  };
  for (let round = 0; round < 60; round++) {
    const pick = generator(SEED + round);
    const names = Object.keys(KINDS).filter(() => pick(2));
    const isShared = !!pick(5);
    const isFull = !pick(5);
    const isDropped = isShared && !pick(4);
    const cache = isShared ? new Map(names.map((name, index) => [`${TOWN}/share/${index}`, name])) : new Map();
    const page = new Page();
    page.search = isShared ? "?shared" : "?category=roads";
    page.local.state.isFull = isFull;
    const caches = new Set([TOWN, TOWN + "/share"]);
    const store = { put: (blob: Blob, id: string) => (page.pictures.set(id, blob), request), get: () => request };
    const request = { result: undefined };
    page.run(application!, FORM, {
      caches: {
        delete: async (name: string) => caches.delete(name),
        has: async (name: string) => caches.has(name),
        open: async (name: string) => {
          assert.equal(name, TOWN + "/share");
          return {
            keys: async () => [...cache.keys()],
            match: async (key: string) => ({
              blob: async () => new Blob([KINDS[cache.get(key)!]![1]], { type: KINDS[cache.get(key)!]![0] })
            })
          };
        }
      },
      indexedDB: {
        open: (name: string) => {
          const opening = { result: {}, onsuccess() {} };
          const transaction = { objectStore: () => store, oncomplete() {} };
          opening.result = {
            close() {},
            transaction: () => (void Promise.resolve().then(() => transaction.oncomplete()), transaction)
          };
          page.databases.push(name);
          void Promise.resolve().then(() => opening.onsuccess());
          return opening;
        }
      },
      URL: { createObjectURL: () => "", revokeObjectURL() {} },
      // No picture can be drawn, and none can be read: it goes as it is.
      Response: class {
        constructor(readonly body: Blob) {}
        text = () => this.body.text();
        arrayBuffer = () => Promise.reject(new Error("gone"));
      }
    });
    await calm();
    assert.deepEqual([page.nodes.shared!.hidden, page.added.length, page.local.length], [!isShared, +!isShared, 0]);
    page.nodes[isDropped ? "drop-shared" : "take-shared"]!.onclick();
    for (let wait = 0; wait < 30; wait++) await calm();
    page.fire("online");
    const pictures = ["photo", "other"].filter(name => names.includes(name));
    const description = ["words", "more"]
      .filter(name => names.includes(name))
      .map(name => KINDS[name]![1])
      .join("\n");
    const isAny = isShared && !isDropped && !!(pictures.length || description);
    const isTaken = !isShared || isDropped || (isAny && !names.includes("document") && !(isFull && pictures.length));
    const [record] = page.local.entries().map(([name, text]) => ({ name, ...JSON.parse(text) }));
    assert.deepEqual(
      {
        hidden: page.nodes["not-shared"]!.hidden,
        loaders: page.added.map(({ src }) => src),
        said: page.said,
        caches: [...caches],
        draft: record && [record.page, record.values.description, record.values.photos.length, record.written],
        pictures: await Promise.all([...page.pictures.values()].map(blob => blob.text())),
        isOwn: page.session.length,
        databases: page.databases.map(name => name === record.name)
      },
      {
        hidden: isTaken,
        loaders: ["/w/1/loader.js"],
        said: [...(isShared ? [`1 ${FORM}`] : []), "without data-offline"],
        caches: isShared ? [TOWN] : [TOWN, TOWN + "/share"],
        draft:
          isAny && !isFull
            ? [FORM, description, pictures.length, ["photos", ...(description ? ["description"] : [])]]
            : undefined,
        pictures: isAny && !isFull ? pictures.map(name => KINDS[name]![1]) : [],
        isOwn: +(isAny && !isFull),
        databases: isAny && !isFull ? pictures.map(() => true) : []
      },
      `SEED=${SEED + round}: ${names} ${isShared} ${isFull}`
    );
  }
});

// --- forms that take photos ---

interface Post {
  body: FormData;
  progress(): void;
  answer(status: number, responseURL?: string): void;
}

class Field extends Node {
  className = "";
  textContent: string | undefined = "";
  value: unknown = "";
  files: File[] = [];
  isIn = false;
  readonly listeners: Record<string, (event: object) => void> = {};
  name = "";
  dataset = Object.fromEntries(["preparing", "ready", "sending", "failed", "type", "large"].map(name => [name, name]));
  form = {
    action: "https://w.test/t/1",
    addEventListener: (name: string, work: (event: object) => void) => (this.listeners["form " + name] = work)
  };
  addEventListener = (name: string, work: (event: object) => void) => void (this.listeners[name] = work);
  after(): void {}
  before(node: Field): void {
    node.isIn = true;
  }
  remove(): void {
    this.isIn = false;
  }
  scrollIntoView(): void {}
  closest = () => this;
}

test(`photos of a form are made small, and sent once, with what was pressed (SEED=${SEED})`, async () => {
  for (let round = 0; round < 150; round++) {
    const pick = generator(SEED + round);
    const page = new Page();
    const input = new Field("input");
    input.name = "photos";
    const made: Field[] = [];
    const posts: Post[] = [];
    const drawn: { end: () => void }[] = [];
    const went: string[] = [],
      leads: string[] = [];
    class Form extends FormData {
      constructor(form?: unknown) {
        super();
        if (form)
          for (const [name, value] of [
            ["text", "Слова"],
            ["photos", "as they are"]
          ])
            this.append(name!, value!);
      }
    }
    class Request {
      upload: { onprogress?: (event: object) => void } = {};
      status = 0;
      responseURL = "";
      responseText = "page";
      onloadend() {}
      open(): void {}
      send(body: FormData): void {
        const answer = (status: number, responseURL = input.form.action) => {
          posts.splice(0);
          Object.assign(this, { status, responseURL });
          this.onloadend();
        };
        posts.push({ body, answer, progress: () => this.upload.onprogress!({ loaded: 1, total: 4 }) });
      }
    }
    page.run(photos!, "/t/1", {
      document: {
        querySelectorAll: () => [input],
        createElement: (tag: string) => (made.push(new Field(tag)), made[made.length - 1]),
        open: () => undefined,
        write: (text: string) => went.push(text),
        close: () => undefined
      },
      location: { assign: (href: string) => went.push(href) },
      FormData: Form,
      XMLHttpRequest: Request,
      URL: { createObjectURL: () => "", revokeObjectURL() {} },
      Response: class {
        arrayBuffer = () => Promise.resolve(new ArrayBuffer(0));
      },
      Image: class {
        onerror() {}
        set src(_: string) {
          drawn.push({ end: () => this.onerror() });
        }
      }
    });
    const [status, bar] = made as [Field, Field];

    // The model.
    let chosen: File[] = [],
      left = 0,
      isSending = false,
      isAwaited = false,
      isEarly = false,
      said = "",
      isWrong = false,
      pressed = "",
      going = "",
      value = "";
    const isFit = ({ type, size }: File) => type === "image/jpeg" && size < 1e7;
    const say = (text: string, wrong = false) => ([said, isWrong] = [text, wrong]);
    const post = () => {
      isAwaited = false;
      if (isEarly && !chosen.every(isFit)) isSending = false;
      going = pressed;
    };
    const finish = () => {
      const wrong = chosen
        .filter(file => !isFit(file))
        .map(({ name, type }) => `${name}: ${type === "image/jpeg" ? "large" : "type"}`);
      const some = chosen.some(isFit);
      if (wrong.length || !isSending) say(wrong.join(" ") || (some ? "ready" : ""), wrong.length > 0);
      if (!some) value = "";
      if (isAwaited) post();
    };
    const file = (name: string, type: string, size: number) => {
      const made = new File([name], name, { type });
      Object.defineProperty(made, "size", { value: size });
      return made;
    };
    const acts: Record<string, () => unknown> = {
      choose: () => {
        if (isSending || left) return;
        const all = [file("a", "image/jpeg", 5), file("b", "image/jpeg", 2e7), file("c", "application/pdf", 5)];
        chosen = all.filter(() => pick(2));
        left = chosen.filter(({ type }) => type === "image/jpeg").length;
        Object.assign(input, { files: chosen, value: (value = "C:") });
        input.listeners.change!({});
        say(chosen.length ? "preparing" : "");
        if (!left) finish();
      },
      "is drawn": () => {
        if (!drawn[0]) return;
        drawn.shift()!.end();
        if (!--left) finish();
      },
      press: () => {
        pressed = ["", "answer", "close"][pick(3)]!;
        const button = new Field("button");
        Object.assign(button, { name: pressed && "act", value: pressed });
        input.listeners["form click"]!({ target: button });
      },
      send: () => {
        let isPrevented = false;
        input.listeners["form submit"]!({ preventDefault: () => (isPrevented = true) });
        assert.equal(isPrevented, chosen.length > 0, "without photos the form goes by itself");
        if (!chosen.length || isSending) return;
        isSending = isAwaited = true;
        isEarly = left > 0;
        say("sending");
        if (!left) post();
      },
      answer: () => {
        if (!posts[0]) return;
        const outcome = pick(5);
        if (outcome < 3) {
          posts[0].answer([0, 500, 503][outcome]!);
          say("failed", true);
        } else {
          posts[0].answer(200, outcome === 3 ? "https://w.test/done" : undefined);
          leads.push(outcome === 3 ? "https://w.test/done" : "page");
        }
        isSending = false;
      }
    };
    const played: string[] = [];
    for (let step = 0; step < 25; step++) {
      const names = Object.keys(acts);
      const name = names[pick(names.length)]!;
      played.push(name);
      acts[name]!();
      for (let wait = 0; wait < 4; wait++) await calm();
      const isOut: boolean = isSending && !isAwaited;
      const about = `SEED=${SEED + round}: ${played.join(", ")}`;
      assert.equal(posts.length, +isOut, about);
      assert.deepEqual([went, input.value], [leads, value], about);
      assert.deepEqual(
        [status.textContent, said && status.className],
        [said, isWrong ? "field-error" : said && "hint"],
        about
      );
      if (!posts[0]) {
        assert.equal(bar.isIn, false, about);
        continue;
      }
      const sent = posts[0].body;
      assert.deepEqual(
        [sent.get("text"), sent.get("act"), sent.getAll("photos").map(one => (one as File).name)],
        ["Слова", going || null, chosen.filter(isFit).map(one => one.name)],
        about
      );
      posts[0].progress();
      assert.equal(bar.value, 0.25);
    }
  }
});
