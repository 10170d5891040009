/** What the report does before its chunks are here, and what it takes and shows; reportModel.test.ts has all else. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { Configuration } from "../shared/contract.ts";
import type { Site } from "../shared/site.ts";
import { reportSession, type Photos } from "../report/session.ts";
import { createUnsent } from "../report/unsent/unsent.ts";
import { empty, report } from "../report/values.ts";
import { calm } from "./clock.ts";
import { beginWorld, config, endWorld, Page, Widget, world } from "./fakeBrowser.ts";
import { generator, SEED } from "./seed.ts";

const WHOLE = { category: "roads", description: "Яма у школы", address: "улица Мира, 5", consent: true };

let widget: Widget;
beforeEach(() => {
  beginWorld();
  widget = new Widget(new Page(), false);
});
afterEach(endWorld);
const reload = (isWhole: boolean) => {
  const { page } = widget;
  page.hide();
  page.crash();
  widget = new Widget(new Page(page.tab, page.path, page.dataset), isWhole);
};

test("the form waits for the chunk of unsent reports where there are some, and goes on without it", () => {
  assert.equal(widget.report.isSearching, false);
  widget.report.set({ description: "Яма" });
  reload(false);
  widget.report.prefill({ category: "roads", description: "Качели" });
  assert.deepEqual([widget.report.isSearching, widget.values.description], [true, "Качели"]);
  widget.report.attachUnsent(createUnsent);
  const { values, report } = widget;
  assert.deepEqual([values.category, values.description, report.restored], ["roads", "Яма", "draft"]);
  reload(false);
  widget.report.attachUnsent();
  assert.deepEqual([widget.report.isSearching, widget.values.description], [false, ""]);
  widget.close();
  widget.open();
  assert.equal(widget.report.isSearching, true, "each opening asks again");
  widget.report.attachUnsent(createUnsent);
  assert.equal(widget.unsent.offer!.draft.values.description, "Яма");
});

/** What no form has written: cut off, or with something else in the place of one of its members. */
function damage(text: string, pick: (below: number) => number): string {
  if (!pick(5)) return text.slice(0, pick(text.length));
  const record = JSON.parse(text) as Record<string, any>;
  for (let at = record; ;) {
    const names = Object.keys(at);
    const name = names[pick(names.length)]!;
    const isBranch = at[name] && typeof at[name] === "object" && Object.keys(at[name])[0];
    if (isBranch && pick(6)) at = at[name];
    else {
      at[name] = [null, 5, -1.5, "x", true, [], [null], [5], {}, { lat: "x" }][pick(10)];
      return JSON.stringify(record);
    }
  }
}

test(`whatever stands in storage, the form opens, and can be sent (SEED=${SEED})`, async () => {
  for (let round = 0; round < 400; round++) {
    endWorld();
    beginWorld();
    const pick = generator(SEED + round);
    widget = new Widget(new Page());
    const point = { lat: 55, lng: 38 };
    const house = { address: WHOLE.address, coordinates: "55, 38", filled: "address" as const };
    widget.report.set({ ...WHOLE, photos: [{ id: "1", alt: "" }], photoPlace: point, house, answers: { a: ["b"] } });
    if (pick(2)) widget.report.set({ email: "anna@example.test" });
    widget.report.enter(pick(4));
    widget.report.write();
    for (const storage of pick(3) ? [world.local] : [world.local, widget.page.tab])
      for (const [name, text] of storage.entries()) storage.setItem(name, damage(text, pick));
    const said = `SEED=${SEED + round}: ${world.local.text()} ${widget.page.tab.text()}`;
    reload(true);
    const { report, values } = widget;
    if (report.sending.state === "waiting") report.edit();
    const kindOf = (value: unknown) => [typeof value, Array.isArray(value)];
    assert.deepEqual([report.isSearching, report.sending.state], [false, "editing"], said);
    for (const [name, value] of Object.entries(empty))
      assert.deepEqual(kindOf(values[name as keyof typeof values]), kindOf(value), `${name}, ${said}`);
    assert.ok([0, 1, 2, 3].includes(Math.min(report.draft.step, 3)), said);
    report.set({ ...WHOLE, email: "", photos: [] });
    widget.queue.photos.forEach(photo => widget.queue.remove(photo));
    report.proceed(true);
    await calm();
    const [post] = world.service.posts;
    assert.deepEqual([typeof post!.key, post!.body.description], ["string", WHOLE.description], said);
  }
});

test("a draft with more photos than the site takes keeps as many, and says so", async () => {
  const { photos } = config.limits;
  const all = Array.from({ length: photos + 2 }, (_, index) => ({ id: "photo" + index, alt: "" }));
  widget = new Widget(new Page());
  widget.report.show({ ...widget.report.draft, values: { ...widget.values, photos: all } });
  assert.deepEqual([widget.queue.photos.length, widget.queue.left, widget.values.photos.length], [photos, 2, photos]);
});

test("each collection of a page has a report of its own, and so have the problems", () => {
  const { report } = widget;
  const { site } = report;
  const of = (key: string, entries?: object) =>
    reportSession({ ...site, entries, options: { ...site.options, key } } as Site);
  const all = ["wk/budgeting", "wk/initiatives"].map(key => of(key, {}));
  assert.equal(new Set([...all, report]).size, 3);
  assert.deepEqual([of("wk/budgeting", {}), of("wk/initiatives", {}), of(site.options.key)], [...all, report]);
});

test("a draft reopens at its step, unless something before it is missing by now", () => {
  const cases: [missing: object, step: number][] = [
    [{}, 2],
    [{ description: "" }, 1],
    [{ category: "gone" }, 0]
  ];
  for (const [missing, step] of cases) {
    widget = new Widget(new Page());
    widget.report.set({ ...WHOLE, ...missing });
    widget.report.go(2);
    reload(true);
    assert.equal(widget.report.draft.step, step);
    widget.report.erase();
  }
});

test("who changes something from the review comes back to it", () => {
  widget.report.set(WHOLE);
  widget.report.go(2);
  widget.report.proceed(false);
  widget.report.go(0);
  widget.report.proceed(false);
  assert.equal(widget.report.draft.step, 3);
});

test("an unsent report is told by its beginning", () => {
  widget.report.set({ description: "Яма  у\nшколы № 14, которую вижу каждый день по дороге" });
  widget.report.write();
  widget = new Widget(new Page());
  assert.equal(widget.unsent.describe(widget.unsent.offer!.draft), "Яма у школы № 14, которую вижу каждый…");
});

test("a page may fill in a category that the site has, and a refusal to an offer of the place is none", async () => {
  widget.report.prefill({ category: "unknown", description: "Горка: " });
  assert.deepEqual([widget.values.category, widget.values.description], ["", "Горка: "]);
  assert.equal(world.local.length, 0, "nothing is stored before the person writes");
  for (const isOffer of [false, true]) {
    widget.report.locate(isOffer);
    world.positions[0]!.tell(null);
    await calm();
    assert.equal(widget.report.position.state, isOffer ? undefined : "denied");
  }
});

const nothing = (): void => undefined;

/** Photos that are complete at once. */
const readyPhotos = (files: Blob[]) => (): Photos => ({
  restore: nothing,
  storeAgain: nothing,
  stop: nothing,
  sendWith: send => send(),
  add: added => void files.push(...added)
});

/** Sends a report with a file whose code is on its way; `arrive()` ends that. */
async function sendBeforeCode(file: Blob): Promise<() => Promise<void>> {
  let arrive = nothing;
  widget.report.loadPhotos = () => new Promise<void>(resolve => (arrive = resolve));
  widget.report.addFiles([file]);
  widget.report.set(WHOLE);
  widget.report.proceed(true);
  await calm();
  assert.equal(world.service.posts.length, 0);
  return async () => {
    arrive();
    await calm();
  };
}

test("files that are chosen before their code is here wait for it, and the report for them", async () => {
  const file = new Blob(["1"]);
  const files: Blob[] = [];
  const arrive = await sendBeforeCode(file);
  widget.report.attachPhotos(readyPhotos(files));
  await arrive();
  assert.deepEqual([files, world.service.posts.length], [[file], 1]);
});

test("a report with photos from before a reload waits for their code", async () => {
  let arrive = nothing;
  widget.report.loadPhotos = () => new Promise<void>(resolve => (arrive = resolve));
  widget.report.set({ ...WHOLE, photos: [{ id: "1", alt: "" }] });
  widget.report.proceed(true);
  await calm();
  assert.equal(world.service.posts.length, 0);
  widget.report.attachPhotos(readyPhotos([]));
  arrive();
  await calm();
  assert.equal(world.service.posts.length, 1);
});

test("what is erased while the code of its photos is on its way neither goes nor waits", async () => {
  const arrive = await sendBeforeCode(new Blob(["1"]));
  widget.report.erase();
  widget.report.attachPhotos(readyPhotos([]));
  await arrive();
  const { draft, sending } = widget.report;
  assert.deepEqual([sending.state, draft.waits, world.service.posts.length], ["editing", undefined, 0]);
});

test("what takes the place of a report on its way is not on its way itself", async () => {
  widget.report.set(WHOLE);
  widget.report.proceed(true);
  await calm();
  assert.equal(widget.report.isPosting, true);
  widget.report.show({ ...widget.report.draft, id: "another" });
  assert.equal(widget.report.isPosting, false);
});

test("where their code does not come, the person is told, and may send without them", async () => {
  widget.report.addFiles([new Blob(["1"])]);
  widget.report.set(WHOLE);
  widget.report.proceed(true);
  await calm();
  const { sending, errors } = widget.report;
  assert.deepEqual([sending.state, errors[0]!.control, world.service.posts.length], ["editing", "photos", 0]);
  widget.report.proceed(true);
  await calm();
  assert.equal(world.service.posts.length, 1);
});

test("contacts that the page hides are neither kept nor sent; a required e-mail cannot be hidden", () => {
  widget.report.set({ ...WHOLE, email: "anna@example.test", name: "Анна", phone: "1" });
  const { site } = widget.report;
  site.options = { ...site.options, hidden: ["email", "phone"] } as unknown as Site["options"];
  site.config = { ...config, contact: "required" } as Configuration;
  widget.report.proceed(true);
  assert.deepEqual([widget.values.email, widget.values.name, widget.values.phone], ["anna@example.test", "Анна", ""]);
  assert.equal(report(config, widget.values, "ru").phone, undefined);
});
