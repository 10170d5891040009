/**
 * The report of a widget beside a model of it (reportModel.ts), in generated sequences of what people, pages, tabs,
 * clocks, devices and networks do. After each act both hold the same: storage record by record, what is on its way and
 * with which key, who still listens and waits, and what the form shows.
 */

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { calm } from "./clock.ts";
import { beginWorld, endWorld, Page, sorted, Widget, world } from "./fakeBrowser.ts";
import { Document, Form, Model } from "./reportModel.ts";
import { generator, SEED } from "./seed.ts";

const SEQUENCES = 150;
const LENGTH = 40;
const HOUR = 3_600_000;
const WHOLE = { category: "roads", address: "улица Мира, 5", consent: true };
const POSITION = { coords: { latitude: 55, longitude: 38, accuracy: 20 } };

/** An element of a document, in the browser and in the model. */
interface Pair {
  page: Page;
  document: Document;
  widget: Widget;
  form: Form;
}
let pairs: Pair[], model: Model, pick: (below: number) => number;
/** Names that the widget makes up, by those of the model, each of which stands for one thing. */
let names: Map<string, string>, bound: Set<string>;
let texts = 0;
afterEach(endWorld);

// --- both in one shape ---

function bind(real: string, expected: string): void {
  if (names.has(real) || bound.has(expected)) return;
  names.set(real, expected);
  bound.add(expected);
}
function bindAll(): void {
  for (const { widget, form } of pairs) {
    const { drafts, draft } = widget.report;
    bind(drafts.name, form.drafts.name);
    bind(draft.id, form.draft.id);
    form.photos.forEach(({ id }, index) => widget.queue.photos[index] && bind(widget.queue.photos[index].id, id));
  }
  const { local } = world;
  // Written and left within one act.
  const unknown = [...model.records.keys()].filter(name => !bound.has(name));
  for (const name of local.names()) {
    if (!names.has(name) && unknown.length) bind(name, unknown.shift()!);
    const expected = model.records.get(names.get(name)!);
    if (!expected) continue;
    const { holder, id } = JSON.parse(local.getItem(name)!);
    bind(holder, expected.holder!);
    bind(id, expected.id);
  }
}
/** What storage and service hold changes seldom. */
const parses = new Map<string, unknown>();
function parse(text: string): unknown {
  if (!parses.has(text)) parses.set(text, JSON.parse(text));
  return parses.get(text);
}
const parsed = (all: [string, string][]) => Object.fromEntries(all.map(([name, text]) => [name, parse(text)]));
const nameOf = (real: string) => names.get(real) || real;

/** Drafts, records and reports that were found to be the same: none of them is changed. */
let same: WeakMap<object, unknown>;

/** In the names of the model; what is undefined is absent. */
function isSame(real: unknown, expected: unknown): boolean {
  if (real === expected || typeof real === "string") return nameOf(real as string) === expected;
  if (!real || !expected || typeof real !== "object") return false;
  if (same.get(real) === expected) return true;
  let members = 0;
  for (const [name, member] of Object.entries(real)) {
    if (member === undefined) continue;
    members++;
    if (!isSame(member, (expected as Record<string, unknown>)[nameOf(name)])) return false;
  }
  for (const member of Object.values(expected)) if (member !== undefined) members--;
  if (!members && "id" in real) same.set(real, expected);
  return !members;
}
/** The same, to be read. */
const plain = (value: unknown) =>
  sorted(JSON.parse(JSON.stringify(value).replace(/[\w:-]{8,}/g, nameOf))) as Record<string, unknown>;

type Shown = Pick<Form, "drafts" | "draft" | "page" | "sending" | "restored" | "position" | "errors" | "isPosting"> &
  Pick<Form, "moves" | "failures">;
type Queued = { photos: Pick<Form["photos"][number], "id" | "token" | "state">[] } & Pick<Form, "left" | "volatile"> & {
    refused: unknown[];
  };
const view = (report: Shown, queue: Queued, { offer }: { offer?: unknown }, { ticket, events }: Widget | Form) => ({
  ...{ draft: report.draft, page: report.page, name: report.drafts.name, isStored: report.drafts.isStored },
  ...{ state: report.sending.state, restored: report.restored, position: report.position.state },
  ...{ errors: report.errors.map(({ control }) => control), isPosting: report.isPosting },
  ...{ moves: report.moves, failures: report.failures, ticket, events },
  offer: offer && (offer as Form["offer"] & object).draft,
  photos: queue.photos.map(({ id, token, state }) => [id, token, state]),
  refused: [queue.refused.length, queue.left, queue.volatile]
});
const stored = (all: [string, unknown][]) => all.map(([key, body]) => [key, body]);

const realState = () => {
  const { clock, local, databases, service, uploads, pictures, positions, pages } = world;
  return {
    records: parsed(local.entries()),
    tabs: pages.map(({ tab }) => parsed(tab.entries())),
    pictures: Object.fromEntries([...databases.all].map(([name, all]) => [name, [...all.keys()]])),
    service: stored([...service.stored].map(([key, text]) => [key, parse(text)])),
    posts: service.posts.map(({ key, body: { ticket, ...body } }) => [key, ticket, body]),
    uploads: uploads.map(({ form }) => [form.get("ticket"), (form.get("file") as File).size]),
    asked: [pictures.length, positions.length],
    timers: [...clock.timers.values()].map(({ due }) => due - clock.time).sort((one, other) => one - other),
    listeners: pages.map(({ window, document }) => [window.listeners.length, document.listeners.length]),
    forms: pairs.map(({ widget }) => view(widget.report, widget.queue, widget.unsent, widget))
  };
};
const modelState = (): ReturnType<typeof realState> => ({
  records: Object.fromEntries(model.records),
  tabs: model.documents.map(({ tab }) => Object.fromEntries(tab)),
  pictures: Object.fromEntries([...model.pictures].map(([name, all]) => [name, [...all]])),
  service: stored([...model.stored]),
  posts: model.posts.map(({ key, ticket, body }) => [key, ticket, body]),
  uploads: model.uploads.map(({ ticket, bytes }) => [ticket, bytes]),
  asked: [model.decodings.length, model.positions.length],
  timers: model.timers.map(({ due }) => due - model.time).sort((one, other) => one - other),
  listeners: model.documents.map(({ forms }) => [2 * forms.length, forms.length]),
  forms: pairs.map(({ form }) => view(form, form, form, form))
});
function compare(): void {
  bindAll();
  const [real, expected] = [realState(), modelState()] as Record<string, unknown>[];
  for (const [part, is] of Object.entries(real!))
    if (!isSame(is, expected![part])) assert.deepEqual(plain({ [part]: is }), plain({ [part]: expected![part] }));
  for (const name of model.pictures.keys()) assert.ok(model.records.has(name), "pictures without a record");
}

// --- what may happen ---

/** False: not now. */
type Act = (pair: Pair) => unknown;
type Member = "set" | "put" | "locate" | "go" | "prefill" | "proceed" | "send" | "edit" | "again" | "erase";
type Acting = Pick<Widget["report"], Member | "addFiles">;

/** Done to both, where the form is open and in such a state; `choose` says what. */
const when =
  (states: string[], choose: (form: Form) => ((it: Acting) => unknown) | false): Act =>
  ({ widget, form }) => {
    const act = !form.isClosed && states.includes(form.sending.state) && choose(form);
    if (!act) return false;
    for (const it of [widget.report, form as unknown as Acting]) void act(it);
    return true;
  };
const writing = (choose: (form: Form) => ((it: Acting) => unknown) | false) =>
  when(["editing", "sending", "conflict", "refused"], choose);
/** One of what is on its way gets an answer, and not always the first. */
const answer =
  <T>(lists: () => [T[], T[]], choose: () => (it: T) => unknown): Act =>
  () => {
    const [real, expected] = lists();
    const index = pick(real.length || 1);
    if (!real[index] || !expected[index]) return false;
    const act = choose();
    for (const it of [real[index], expected[index]]) act(it);
    return true;
  };
const posts = (choose: () => (it: Pick<Model["posts"][number], "arrive" | "lose" | "refuse">) => unknown) =>
  answer(() => [world.service.posts, model.posts] as never, choose as never);
const uploads = (choose: () => (it: Pick<Model["uploads"][number], "answer" | "progress">) => unknown) =>
  answer(() => [world.uploads, model.uploads] as never, choose as never);
const one = <T>(list: readonly T[]): T => list[pick(list.length)]!;
/** Done to each element of the page. */
const each = (page: Page, act: (it: Widget | Form) => void) =>
  pairs.filter(pair => pair.page === page).forEach(({ widget, form }) => [widget, form].forEach(act));

const insert = (page: Page, document: Document) =>
  pairs.push({ page, document, widget: new Widget(page), form: new Form(document) });
function load(page: Page, tab?: Document["tab"]): void {
  insert(page, new Document(model, page.path, page.dataset.address || "", new Map(tab)));
}
function leave({ page, document }: Pair): void {
  if (pick(3)) {
    page.hide();
    document.hide();
  }
  page.crash();
  document.crash();
  pairs = pairs.filter(pair => pair.page !== page);
}
function takeOut(pair: Pair): void {
  pair.widget.destroy();
  pair.form.destroy();
  pairs = pairs.filter(other => other !== pair);
}
const isRoom = () => pairs.length < 4;

const ACTS: Record<string, Act> = {
  type: writing(() => {
    const description = "Текст " + ++texts;
    return it => it.set({ description });
  }),
  contact: writing(() => {
    const email = one(["", "anna@example.test", "olga@example.test"]);
    return it => it.set({ email });
  }),
  complete: writing(() => {
    const description = "Текст " + ++texts;
    return it => it.set({ ...WHOLE, description });
  }),
  "put a pin": writing(() => it => it.put({ lat: 1, lng: 2 })),
  locate: writing(() => it => it.locate()),
  position: answer(
    () => [world.positions, model.positions] as { tell(answer: object | null): void }[][] as never,
    () => {
      const found = pick(3) ? POSITION : null;
      return (it: { tell(answer: object | null): void }) => it.tell(found);
    }
  ),
  next: writing(({ draft }) => draft.step < 3 && (it => it.proceed(false))),
  back: writing(({ draft }) => draft.step > 0 && (it => it.go(draft.step - 1))),
  prefill: ({ widget, form }) => {
    const given = { category: "roads", description: "Со страницы", ...one([{}, { lat: 1, lng: 2 }]) };
    widget.report.prefill(given);
    form.prefill(given);
  },
  choose: writing(() => {
    // Each picture is told by its size.
    const files = Array.from({ length: 1 + pick(2) }, () => {
      return new Blob([" ".repeat(++texts)], { type: pick(4) ? "image/jpeg" : "text/plain" });
    });
    return it => it.addFiles(files);
  }),
  "remove a photo": ({ widget, form }) => {
    const index = pick(3);
    const photo = form.photos[index];
    if (!photo || form.isClosed) return false;
    widget.queue.remove(widget.queue.photos[index]!);
    form.remove(photo);
  },
  "try a photo again": ({ widget, form }) => {
    const index = form.photos.findIndex(({ state }) => ["waiting", "paused"].includes(state));
    if (index < 0 || form.isClosed) return false;
    widget.queue.retry([widget.queue.photos[index]!]);
    form.upload(form.photos[index]!);
  },
  "a picture is small": answer<{ end(): void }>(
    () => [world.pictures, model.decodings],
    () => it => it.end()
  ),
  "a photo has arrived": uploads(() => {
    const photo = "token" + model.tokens;
    return it => it.answer(201, { photo, thumb: "/thumb" } as object);
  }),
  "a photo is refused": uploads(() => {
    const [status, code] = one([[415], [403], [0], [429], [500], [503, "photos_paused"]] as const);
    return it => it.answer(status, { code });
  }),
  "a photo goes on": uploads(() => it => it.progress()),
  send: writing(() => it => it.proceed(true)),
  "send again": when(["waiting"], () => it => it.send()),
  edit: when(["waiting"], () => it => it.edit()),
  again: when(["received"], () => it => it.again()),
  erase: writing(() => it => it.erase()),
  resume: ({ widget, form }) => {
    if (!form.offer || form.isClosed) return false;
    widget.unsent.resume();
    form.resume();
  },
  discard: ({ widget, form }) => {
    if (!form.offer || form.isClosed) return false;
    widget.unsent.discard();
    form.discard();
  },
  arrive: posts(() => it => it.arrive()),
  lose: posts(() => it => it.lose()),
  refuse: posts(() => {
    const [status, field] = one([[0], [400], [403], [422, "address"], [422, "photos.0"], [429], [500]] as const);
    return it => it.refuse(status, { errors: field ? [{ field, code: "", detail: "" } as { field: string }] : [] });
  }),
  online: ({ page, document }) => {
    page.window.act("online");
    document.online();
  },
  hide: ({ page, document }) => {
    page.hide();
    document.hide();
  },
  wait: async () => {
    const milliseconds = one([100, 500, 6_000, 90_000]);
    await world.clock.pass(milliseconds);
    model.pass(milliseconds);
  },
  sleep: async () => {
    const milliseconds = one([1, 10, 23, 25]) * HOUR;
    await world.clock.pass(milliseconds, true);
    model.pass(milliseconds, true);
  },
  "fill the storage": () => {
    model.isFull = world.local.state.isFull = !model.isFull && !pick(3);
    model.isForbidden = world.databases.isForbidden = !model.isForbidden && !pick(3);
  },
  close: ({ widget, form }) => [widget, form].forEach(it => it.close()),
  open: ({ widget, form }) => [widget, form].forEach(it => it.open()),
  navigate: ({ page, document }) => {
    each(page, it => it.close());
    document.path = page.path = one(["/", "/other"]);
    document.place = page.dataset.address = one(["", "", "улица Ленина, 1"]);
    each(page, it => it.open());
  },
  "take out and in": pair => {
    takeOut(pair);
    insert(pair.page, pair.document);
  },
  "a second element": ({ page, document }) => isRoom() && insert(page, document),
  "take out": pair => pairs.some(other => other !== pair && other.page === pair.page) && takeOut(pair),
  reload: pair => {
    leave(pair);
    load(new Page(pair.page.tab, pair.page.path, { ...pair.page.dataset }), pair.document.tab);
  },
  duplicate: ({ page, document }) =>
    isRoom() && load(new Page(page.tab.copy(), page.path, { ...page.dataset }), document.tab),
  "a new tab": () => isRoom() && load(new Page(undefined, one(["/", "/other"]))),
  "close the tab": pair => pairs.some(({ page }) => page !== pair.page) && leave(pair)
};
/** Most of a sequence is of one of these, so that what is rare meets what it belongs to. */
const THEMES = [
  "complete,complete,send,send,arrive,lose,refuse,again,edit,send again,wait,erase,contact",
  "complete,send,choose,a picture is small,a picture is small,a photo has arrived,a photo has arrived," +
    "a photo is refused,refuse,remove a photo,lose,reload",
  "complete,choose,choose,a picture is small,a picture is small,a photo is refused,a photo is refused," +
    "send,a photo has arrived",
  "complete,complete,send,a new tab,duplicate,resume,hide,lose,arrive,reload,contact,sleep",
  "complete,send,locate,position,put a pin,prefill,type,arrive,again,close,navigate"
].map(names => names.split(","));

test(`whatever happens, the report does what its model does (SEED=${SEED})`, async t => {
  const all = Object.keys(ACTS);
  const counts = { reports: 0, photos: 0 };
  for (let round = 0; round < SEQUENCES; round++) {
    const played: string[] = [];
    const { clock } = beginWorld();
    pick = generator(SEED + round);
    model = new Model(clock.time);
    names = new Map();
    parses.clear();
    same = new WeakMap();
    bound = new Set();
    pairs = [];
    load(new Page());
    const theme = one(THEMES);
    try {
      while (played.length < LENGTH) {
        const pair = one(pairs);
        const name = pair.form.isClosed && pick(2) ? "open" : one(pick(4) ? theme : all);
        const at = pairs.indexOf(pair);
        pair.page.enter();
        if ((await ACTS[name]!(pair)) === false) continue;
        played.push(`${name} ${at}`);
        await calm();
        // Whatever is due at once, and no two timers at one time.
        const moment = 1 + pick(50);
        await clock.pass(moment);
        model.pass(moment);
        compare();
      }
      counts.reports += model.stored.size;
      counts.photos += model.tokens;
    } catch (error) {
      (error as Error).message = `SEED=${SEED + round}: ${played.join(", ")}\n${(error as Error).message}`;
      throw error;
    }
  }
  t.diagnostic(`${counts.reports} reports, ${counts.photos} photos`);
});
