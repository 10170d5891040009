/** The report of a widget in a browser made of plain objects: pages, tabs, a clock, a device, a service. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { ApiError } from "../shared/api.ts";
import type { Configuration, Receipt, Report } from "../shared/contract.ts";
import { language, type Texts } from "../shared/i18n.ts";
import type { Site } from "../shared/site.ts";
import { held } from "../report/drafts.ts";
import { reportSession, type Photos, type ReportSession, type Sending } from "../report/session.ts";
import { createUnsent, type UnsentReports } from "../report/unsent/unsent.ts";
import { report, type Values } from "../report/values.ts";
import ru from "../locales/ru.json";
import { FakeStorage } from "./fakeStorage.ts";
import { generator, SEED } from "./seed.ts";

const globals = globalThis as unknown as Record<string, unknown>;
const own = { setTimeout, clearTimeout, now: Date.now };
const russian = language("ru", { ...ru.widget, ...ru.later } as unknown as Texts, "Europe/Moscow");
const config = {
  categories: [{ code: "roads", name: "Дороги", questions: [] }],
  consent: { version: "1", url: "/", required: "always", publish_name: { version: "n", url: "/" } },
  limits: { description: { min: 3, max: 4000 }, photos: 3 },
  contact: "optional"
} as unknown as Configuration;
const WHOLE = { category: "roads", description: "Яма у школы", address: "улица Мира, 5", consent: true };
const POSITION = { coords: { latitude: 55, longitude: 38, accuracy: 20 } };

/** Everything that was promised so far has happened. */
const calm = () => new Promise(resolve => setImmediate(resolve));

/** Counts who listens. */
class Target extends EventTarget {
  listening = 0;
  override addEventListener(...rest: Parameters<EventTarget["addEventListener"]>): void {
    this.listening++;
    super.addEventListener(...rest);
  }
  override removeEventListener(...rest: Parameters<EventTarget["removeEventListener"]>): void {
    this.listening--;
    super.removeEventListener(...rest);
  }
}

class Clock {
  time = 1e12;
  readonly timers = new Map<number, { due: number; of: Page; work: () => void }>();
  private ids = 0;

  readonly set = (work: () => void, wait = 0): number => {
    const of = Page.current!;
    this.timers.set(++this.ids, { due: this.time + wait, of, work: () => (of.enter(), work()) });
    return this.ids;
  };
  readonly clear = (id?: number): void => void this.timers.delete(id!);

  async pass(milliseconds: number): Promise<void> {
    const end = this.time + milliseconds;
    for (;;) {
      const [next] = [...this.timers].filter(([, { due }]) => due <= end).sort(([, one], [, two]) => one.due - two.due);
      if (!next) break;
      this.timers.delete(next[0]);
      this.time = Math.max(this.time, next[1].due);
      next[1].work();
      await calm();
    }
    this.time = end;
  }
}

/** Keeps one report a key; what is sent waits for its answer. */
class Service {
  readonly stored = new Map<string, string>();
  readonly asked: { arrive: () => void; lose: () => void; refuse: (status: number) => void }[] = [];

  submit(body: Report, key: string): Promise<Receipt> {
    return new Promise((resolve, reject) => {
      const { ticket: _, ...rest } = body;
      const text = JSON.stringify(rest);
      const store = () => {
        if (!this.stored.has(key)) this.stored.set(key, text);
        return this.stored.get(key) === text;
      };
      this.asked.push({
        arrive: () =>
          store()
            ? resolve({ number: [...this.stored.keys()].indexOf(key) } as Receipt)
            : reject(new ApiError(422, { code: "idempotency_key_reused", errors: [] })),
        lose: () => {
          store();
          reject(new ApiError(0));
        },
        refuse: status =>
          reject(new ApiError(status, status === 422 ? { errors: [{ field: "address", code: "", detail: "" }] } : {}))
      });
    });
  }
  descriptions(): string[] {
    return [...this.stored.values()].map(text => (JSON.parse(text) as Report).description).sort();
  }
}

/** A document of a tab, with one widget. */
class Page {
  static current: Page | undefined;
  /** The chunk of unsent reports is here at once. */
  static hasUnsent = true;
  /** What the module knows in this document. */
  private held: string[] = [];
  readonly window = new Target();
  readonly document = new Target();
  readonly positions: ((answer: object | null) => void)[] = [];
  readonly events: string[] = [];
  readonly host: HTMLElement;
  private isGone = false;
  private ending = new AbortController();
  private closing = new AbortController();
  private parts = new Map<string, unknown>();
  report!: ReportSession;

  constructor(
    readonly tab: FakeStorage,
    public path = "/",
    readonly dataset: Record<string, string> = {},
    public hash = ""
  ) {
    this.host = Object.assign(new EventTarget(), { dataset, closest: () => null }) as unknown as HTMLElement;
    for (const name of ["submitted", "error"])
      this.host.addEventListener("igrajdanin:" + name, () => this.events.push(name));
    this.insert();
  }

  /** The one that runs. */
  enter(): this {
    if (Page.current) Page.current.held = [...held];
    held.clear();
    this.held.forEach(name => held.add(name));
    Page.current = this;
    globals.sessionStorage = this.tab;
    const origin = "https://gorod.test";
    globals.location = { origin, pathname: this.path, href: origin + this.path + this.hash };
    globals.document = this.document;
    globals.addEventListener = this.window.addEventListener.bind(this.window);
    globals.removeEventListener = this.window.removeEventListener.bind(this.window);
    return this;
  }
  insert(): void {
    this.enter();
    this.ending = new AbortController();
    this.closing = new AbortController();
    this.parts = new Map();
    const { ending } = this;
    this.report = reportSession({
      host: this.host,
      options: { key: "key", lang: "ru", category: "", hidden: [] },
      language: russian,
      config,
      api: {
        submit: (...rest: Parameters<Service["submit"]>) => {
          // As shared/api.ts: nothing is sent by a widget that is gone.
          if (ending.signal.aborted) return Promise.reject(new ApiError(0));
          return service
            .submit(...rest)
            .finally(() => (this.isGone ? new Promise(() => undefined) : void this.enter()));
        }
      },
      tickets: { take: () => Promise.resolve("ticket"), drop: () => undefined, prepare: () => Promise.resolve(null) },
      session: {
        closed: () => this.closing.signal,
        destroyed: ending.signal,
        part: <T>(name: string, make: () => T): T => {
          if (!this.parts.has(name)) this.parts.set(name, make());
          return this.parts.get(name) as T;
        }
      }
    } as unknown as Site);
    if (Page.hasUnsent) this.report.attachUnsent(createUnsent);
    this.report.open();
  }
  close(): void {
    this.enter().closing.abort();
  }
  open(): void {
    this.enter().closing = new AbortController();
    this.report.open();
  }
  destroy(): void {
    this.close();
    this.ending.abort();
  }
  /** The document is gone, and what it was doing with it. */
  unload(): void {
    this.enter().document.dispatchEvent(new Event("visibilitychange"));
    this.isGone = true;
    for (const [id, { of }] of clock.timers) if (of === this) clock.clear(id);
  }
  reload(): Page {
    this.unload();
    return new Page(this.tab, this.path, this.dataset);
  }
  get unsent(): UnsentReports {
    return this.report.unsent as UnsentReports;
  }
  get values(): Values {
    return this.report.draft.values;
  }
}

let clock: Clock, service: Service, local: FakeStorage, page: Page;
beforeEach(() => {
  globals.localStorage = local = new FakeStorage();
  globals.indexedDB = { deleteDatabase: () => undefined };
  globals.Image = class {};
  globals.VERSION = "";
  clock = new Clock();
  service = new Service();
  globals.setTimeout = clock.set;
  globals.clearTimeout = clock.clear;
  Date.now = () => clock.time;
  Object.defineProperty(globalThis, "navigator", {
    configurable: true,
    value: {
      geolocation: {
        getCurrentPosition: (found: (answer: object) => void, failed: (error: object) => void) =>
          page.positions.push(answer => (answer ? found(answer) : failed({ code: 1 })))
      }
    }
  });
  page = new Page(new FakeStorage());
});
afterEach(() => {
  page.destroy();
  Object.assign(globalThis, own);
  Date.now = own.now;
});

const type = (given: Partial<Values>, at = page) => at.enter().report.set(given);
const waiting = () =>
  Object.values(JSON.parse(`[${local.text()}]`) as { waits?: object }[]).filter(({ waits }) => waits);

test("a reload goes on, another tab is offered the draft, and takes it over only when asked", async () => {
  type({ description: "Яма  у\nшколы № 14, которую вижу каждый день по дороге", email: "anna@example.test" });
  page = page.reload();
  assert.deepEqual([page.report.restored, page.values.email], ["draft", "anna@example.test"]);
  assert.equal(page.unsent.offer, undefined);
  const other = new Page(new FakeStorage());
  assert.deepEqual([other.values.description, other.report.restored], ["", undefined]);
  assert.equal(other.unsent.describe(other.unsent.offer!.draft), "Яма у школы № 14, которую вижу каждый…");
  other.unsent.resume();
  assert.match(other.values.description, /школы/);
  assert.deepEqual([other.values.email, other.unsent.offer], ["", undefined]);
  type({ description: "В первой вкладке" });
  type({ description: "Во второй вкладке" }, other);
  await clock.pass(400);
  page.enter();
  page = page.reload();
  assert.equal(page.values.description, "В первой вкладке");
  other.enter().unload();
  const second = new Page(other.tab);
  assert.equal(second.values.description, "Во второй вкладке");
  second.destroy();
  // Its day began when it was written, however often it is taken up.
  for (const left of ["В первой вкладке", ""]) {
    page.enter();
    await clock.pass(20 * 3_600_000);
    page = page.reload();
    assert.equal(page.values.description, left);
  }
});

test("the form waits for the chunk of unsent reports where there are some, and goes on without it", () => {
  Page.hasUnsent = false;
  assert.equal(page.report.isSearching, false);
  type({ description: "Яма" });
  page = page.reload();
  page.report.prefill({ category: "roads", description: "Качели" });
  assert.deepEqual([page.report.isSearching, page.values.description], [true, "Качели"]);
  page.report.attachUnsent(createUnsent);
  assert.deepEqual([page.values.category, page.values.description, page.report.restored], ["roads", "Яма", "draft"]);
  page = page.reload();
  Page.hasUnsent = true;
  page.report.attachUnsent();
  assert.deepEqual([page.report.isSearching, page.values.description], [false, ""]);
  page.close();
  page.open();
  assert.equal(page.report.isSearching, true, "each opening asks again");
  page.report.attachUnsent(createUnsent);
  assert.equal(page.unsent.offer!.draft.values.description, "Яма");
});

test("what was being written when another draft is taken up is offered in its turn; deleting is for good", async () => {
  type({ description: "Первое" });
  page.unload();
  page = new Page(new FakeStorage());
  type({ description: "Второе" });
  page.unsent.resume();
  assert.equal(page.values.description, "Первое");
  page.close();
  page = page.reload();
  assert.equal(page.values.description, "Первое", "the one that was gone on with last");
  page.report.erase();
  assert.equal(page.unsent.offer!.draft.values.description, "Второе");
  page.unsent.discard();
  assert.deepEqual([page.unsent.offer, local.length, page.tab.length], [undefined, 0, 0]);
});

test("a draft belongs to its page, and to the place that the page is about", async () => {
  type({ description: "На первой", address: "улица Мира, 5" });
  page.close();
  page.path = "/other";
  page.enter().open();
  assert.deepEqual([page.values.address, page.unsent.offer], ["", undefined]);
  type({ description: "На второй" });
  page.close();
  page.path = "/";
  page.enter().open();
  assert.deepEqual([page.values.description, page.report.restored], ["На первой", "draft"]);
  page.close();
  page.hash = "#contacts";
  page.enter().open();
  assert.equal(page.values.description, "На первой", "an anchor leads to the same page");
  page.dataset.address = "улица Ленина, 1";
  page.close();
  page.open();
  assert.deepEqual([page.values.address, page.values.description], ["улица Ленина, 1", ""]);
  // Nothing was written there.
  assert.equal(local.length, 2);
});

test("what a page fills in replaces nothing that the person has written", () => {
  page.report.prefill({ category: "roads", description: "Качели: ", address: "улица Мира, 5", lat: 55, lng: 38 });
  assert.deepEqual(
    [
      page.values.category,
      page.values.description,
      page.values.address,
      page.values.coordinates,
      page.report.draft.step
    ],
    ["roads", "Качели: ", "улица Мира, 5", "55, 38", 1]
  );
  assert.equal(local.length, 0, "nothing is stored before the person writes");
  type({ description: "Качели: сломаны" });
  page.report.prefill({ category: "unknown", description: "Горка: ", address: "улица Ленина, 1" });
  assert.deepEqual(
    [page.values.category, page.values.description, page.values.address, page.values.coordinates],
    ["roads", "Качели: сломаны", "улица Ленина, 1", ""]
  );
  type({ coordinates: "55.5, 38.5" });
  page.report.prefill({ address: "площадь Победы", lat: 1, lng: 2 });
  assert.deepEqual([page.values.address, page.values.coordinates], ["улица Ленина, 1", "55.5, 38.5"]);
});

test("a late position changes nothing that was put or typed meanwhile, nor a closed or erased form", async () => {
  const answer = (...positions: (object | null)[]) => {
    const tell = page.positions.pop()!;
    positions.forEach(tell);
    return calm();
  };
  const late = async (meanwhile: () => void) => {
    page.report.locate();
    assert.equal(page.report.position.state, "asked");
    meanwhile();
    const before = page.values.coordinates;
    // A refusal would settle what a position no longer does.
    await answer(null, POSITION);
    assert.deepEqual([page.values.coordinates, page.report.position.state], [before, undefined]);
  };
  await late(() => page.report.put({ lat: 1, lng: 2 }));
  await late(() => type({ coordinates: "3, 4" }));
  await late(() => page.close());
  page.open();
  await late(() => page.report.erase());
  await late(() => {
    type(WHOLE);
    page.report.proceed(true);
  });
  page.report.locate();
  type({ address: "у школы" });
  await answer(POSITION);
  assert.deepEqual(
    [page.values.coordinates, page.report.position],
    ["55.000000, 38.000000", { state: "found", accuracy: 20 }]
  );
  for (const isOffer of [false, true]) {
    page.report.locate(isOffer);
    await answer(null);
    assert.equal(page.report.position.state, isOffer ? undefined : "denied");
  }
});

/** Photos that are there at once. */
class FakePhotos implements Photos {
  files: Blob[] = [];
  add(files: Blob[]): void {
    this.files.push(...files);
  }
  sendWith: Photos["sendWith"] = send => send();
  restore(): void {}
  storeAgain(): void {}
  stop(): void {}
}

test("files that are chosen before their code is here wait for it, and the report for them", async () => {
  const file = new Blob(["1"]);
  let arrive: () => void = () => undefined;
  page.report.loadPhotos = () => new Promise<void>(resolve => (arrive = resolve));
  page.report.addFiles([file]);
  type(WHOLE);
  page.report.proceed(true);
  await calm();
  assert.equal(service.asked.length, 0);
  const photos = new FakePhotos();
  page.report.attachPhotos(() => photos);
  arrive();
  await calm();
  assert.deepEqual([photos.files, service.asked.length], [[file], 1]);
});

test("where their code does not come, the person is told, and may send without them", async () => {
  page.report.addFiles([new Blob(["1"])]);
  type(WHOLE);
  page.report.proceed(true);
  await calm();
  assert.deepEqual(
    [page.report.sending.state, page.report.errors.map(({ control }) => control), service.asked.length],
    ["editing", ["photos"], 0]
  );
  page.report.proceed(true);
  await calm();
  assert.equal(service.asked.length, 1);
});

test("contacts that the page hides are neither kept nor sent; a required e-mail cannot be hidden", async () => {
  type({ ...WHOLE, email: "anna@example.test", name: "Анна", phone: "1" });
  const { site } = page.report;
  site.options = { ...site.options, hidden: ["email", "phone"] } as unknown as Site["options"];
  site.config = { ...config, contact: "required" } as Configuration;
  page.report.proceed(true);
  assert.deepEqual([page.values.email, page.values.name, page.values.phone], ["anna@example.test", "Анна", ""]);
  assert.equal(report(config, page.values, "ru").phone, undefined);
});

test("a report that waits is sent once, on whichever page and in whichever tab its form is opened", async () => {
  type(WHOLE);
  page.report.proceed(true);
  await calm();
  page.unload();
  page = new Page(new FakeStorage(), "/other");
  assert.equal(page.report.sending.state, "waiting");
  await clock.pass(5_000);
  service.asked.pop()!.lose();
  await calm();
  page.window.dispatchEvent(new Event("online"));
  await calm();
  service.asked.pop()!.arrive();
  await calm();
  assert.deepEqual(
    [page.report.sending.state, page.events, service.stored.size],
    ["received", ["error", "submitted"], 1]
  );
  assert.equal(local.length, 0);
  page.close();
  page.path = "/";
  page.enter().open();
  assert.deepEqual([page.report.sending.state, page.values.description], ["editing", ""], "another page, another form");
});

test("what is erased is gone, but for what is on its way; what was used up has a new key", async () => {
  type(WHOLE);
  page.report.erase();
  await clock.pass(1_000);
  assert.deepEqual([local.length, page.unsent.offer], [0, undefined]);
  type(WHOLE);
  page.report.proceed(true);
  await calm();
  page.report.erase();
  page.close();
  page.path = "/other";
  page.enter().open();
  assert.deepEqual([page.values.description, page.report.sending.state], [WHOLE.description, "sending"]);
  service.stored.set(page.report.draft.id, "another report");
  service.asked.pop()!.arrive();
  await calm();
  assert.equal(page.report.sending.state, "conflict");
  page.report.proceed(true);
  await calm();
  service.asked.pop()!.arrive();
  await calm();
  assert.deepEqual([page.report.sending.state, service.stored.size], ["received", 2]);
});

// --- generated sequences ---

/** Lives through acts of a person, a network and a host page. */
async function live(seed: number): Promise<void> {
  const pick = generator(seed);
  const one = <T>(list: T[]): T => list[pick(list.length)]!;
  const pages = [page];
  const done: string[] = [];
  let texts = 0;
  const isForm = ({ sending }: ReportSession) => sending.state !== "received";
  const acts: Record<string, (at: Page) => unknown> = {
    type: ({ report }) =>
      isForm(report) && report.set({ description: "Текст " + ++texts, email: one(["", "anna@example.test"]) }),
    complete: ({ report }) => isForm(report) && report.set({ ...WHOLE, description: "Текст " + ++texts }),
    send: ({ report }) => report.proceed(true),
    resend: ({ report }) => void (report.sending.state === "waiting" && report.send()),
    edit: ({ report }) => void (report.sending.state === "waiting" && report.edit()),
    again: ({ report }) => void (report.sending.state === "received" && report.again()),
    erase: ({ report }) => report.erase(),
    resume: ({ unsent }) => unsent.resume(),
    discard: ({ unsent }) => unsent.discard(),
    prefill: ({ report }) => report.prefill({ description: "Со страницы", lat: 1, lng: 2 }),
    locate: ({ report }) => isForm(report) && report.locate(),
    position: at => void (at.positions.length && at.positions.pop()!(one([POSITION, null]))),
    arrive: () => void (service.asked.length && service.asked.shift()!.arrive()),
    lose: () => void (service.asked.length && service.asked.shift()!.lose()),
    offline: () => void (service.asked.length && service.asked.shift()!.refuse(0)),
    refuse: () => void (service.asked.length && service.asked.shift()!.refuse(one([403, 422, 429, 500]))),
    online: at => void at.window.dispatchEvent(new Event("online")),
    hide: at => void at.document.dispatchEvent(new Event("visibilitychange")),
    wait: () => clock.pass(one([100, 500, 6_000, 90_000])),
    close: at => at.close(),
    open: at => at.open(),
    navigate: at => {
      at.close();
      at.path = one(["/", "/other"]);
      at.enter().open();
    },
    "take out and in": at => {
      at.destroy();
      at.insert();
    },
    reload: at => void pages.splice(pages.indexOf(at), 1, at.reload()),
    duplicate: at => void (pages.length < 3 && pages.push(new Page(at.tab.copy(), at.path))),
    "new tab": at => void (pages.length < 3 && pages.push(new Page(new FakeStorage(), at.path))),
    "close tab": at => {
      if (pages.length < 2) return;
      at.destroy();
      pages.splice(pages.indexOf(at), 1);
    }
  };
  const check = (what: string) => {
    const sent = service.descriptions();
    assert.equal(new Set(sent).size, sent.length, `${what}: sent twice, ${sent.join()}`);
    assert.doesNotMatch(local.text(), /anna@/);
    for (const { report } of pages)
      assert.ok(isForm(report) || !report.pictureStore(), `${what}: what was received is a draft again`);
    for (const name of [...local.names(), ...pages.flatMap(({ tab }) => tab.names())])
      assert.match(name, /^igrajdanin:key:/);
  };
  try {
    for (let step = 0; step < 60; step++) {
      const at = one(pages);
      // Half of it is what most people do.
      const name = pick(2) ? one(Object.keys(acts)) : one(["complete", "send", "arrive", "lose", "again"]);
      done.push(name + pages.indexOf(at));
      page = at.enter();
      const edited = pages.filter(({ report }) => report.sending.state === "editing");
      await acts[name]!(at);
      await calm();
      if (["wait", "online", "hide"].includes(name))
        for (const { report } of edited) assert.equal(report.sending.state, "editing", "sent by itself");
      check(done.join());
    }
    const writing = pages.filter(({ report }) => report.sending.state === "editing");
    for (const at of writing) acts.type!(at.enter());
    for (const at of writing) acts.hide!(at.enter());
    for (const { values } of writing)
      assert.ok(local.text().includes(`"${values.description}"`), "overwritten by a tab");
    // Whoever has agreed to a report and gone is told of it by the next form, in one of the tabs that are left.
    const path = "/";
    for (const at of pages) at.enter().destroy();
    assert.deepEqual(
      [clock.timers.size, ...pages.flatMap(({ window, document }) => [window.listening, document.listening])],
      [0, ...pages.flatMap(() => [0, 0])]
    );
    service.asked.length = 0;
    const told: number[] = [];
    for (const { tab } of pages)
      // As many visits as there are records.
      for (let left = local.length; left >= 0; left--) {
        page = new Page(tab, path);
        if (page.report.sending.state === "waiting") {
          await clock.pass(5_000);
          for (; service.asked.length; await calm()) service.asked.pop()!.arrive();
          const sending = page.report.sending as Sending;
          assert.notEqual(sending.state, "waiting");
          // Tabs that took a report over from each other had a record each, with its key.
          if (sending.state === "received" && !sending.earlier) told.push(sending.receipt.number);
        }
        page.destroy();
        check("afterwards");
      }
    assert.equal(new Set(told).size, told.length, "told twice that a report has arrived");
    assert.deepEqual(
      waiting().filter(one => !(one as { personal?: boolean }).personal),
      []
    );
  } catch (error) {
    (error as Error).message = `SEED=${seed} ${done.join(", ")}\n${(error as Error).message}`;
    throw error;
  }
}

test(`whatever happens, nothing is sent twice and nothing is left behind (SEED=${SEED})`, async t => {
  let received = 0;
  for (let round = 0; round < 150; round++) {
    local.clear();
    service = new Service();
    page.destroy();
    clock.timers.clear();
    page = new Page(new FakeStorage());
    await live(SEED + round);
    received += service.stored.size;
  }
  t.diagnostic(`${received} reports`);
});
