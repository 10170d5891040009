/** Texts and chunks: asked for once, within a time, from the folder or the service, and again when they were lost. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { calm } from "./clock.ts";
import { enterPage, leavePage, type Sheet } from "./fakeDocument.ts";

const READING = 15_000;
const SERVICE = "https://service.test";
let copies = 0;
type Dictionaries = typeof import("../shared/dictionaries.ts");
type Chunks = typeof import("../shared/chunks.ts");
const fresh = async () => {
  const again = "?copy=" + ++copies;
  const chunks = (await import("../shared/chunks.ts" + again)) as Chunks;
  return { ...((await import("../shared/dictionaries.ts" + again)) as Dictionaries), chunks };
};
/** Answers by a part of their address; what has none does not come. */
let answers: Record<string, object | undefined>;
let asked: string[];
const answer = (body: object, more: object = {}) => ({ ok: true, status: 200, json: async () => body, ...more });

beforeEach(() => {
  [asked, answers] = [[], {}];
  enterPage({
    RELEASE: "1.2.0/",
    TEXTS: "hash",
    fetch: async (address: string) => {
      asked.push(address);
      const found = Object.entries(answers).find(([part]) => address.includes(part));
      if (!found) throw new TypeError("network");
      return found[1] || new Promise(() => {});
    }
  });
});
afterEach(() => {
  mock.timers.reset();
  leavePage();
});

test("texts that were lost are asked for again, and asked for once while they are on their way", async () => {
  const { addTexts, addLanguage, hasTexts, textsOf, chunks } = await fresh();
  const add = () => addTexts(SERVICE, "ru", "widget");
  await assert.rejects(async () => add());
  // The folder of the files, then the service, which the page's policy may name alone.
  const files = [chunks.folder + "ru-widget-hash.json", SERVICE + "/w/1.2.0/ru-widget-hash.json"];
  assert.deepEqual(asked, files);
  answers["file:"] = { ok: false, status: 404, json: async () => ({ title: "404" }) };
  await assert.rejects(async () => add());
  answers[SERVICE] = answer({ title: "Сообщить" });
  await Promise.all([add(), add()]);
  assert.deepEqual(asked, [...files, ...files, ...files]);
  assert.deepEqual([hasTexts("ru", ["widget"]), textsOf("ru").title, add()], [true, "Сообщить", undefined]);
  // Parts stand beside each other, and a language has those that all widgets use, or not yet.
  answers["file:"] = answer({ close: "Закрыть" });
  await addTexts(SERVICE, "ru", "later");
  assert.deepEqual(textsOf("ru"), { title: "Сообщить", close: "Закрыть" });
  assert.deepEqual([hasTexts("ru"), hasTexts("en"), hasTexts("ru", ["widget", "browse"])], [true, false, false]);
  asked = [];
  await addLanguage(SERVICE, "en");
  assert.deepEqual(
    asked.map(address => address.replace(chunks.folder, "")),
    ["en-widget-hash.json", "en-later-hash.json"]
  );
  assert.equal(hasTexts("en"), true);
});

test("what the loader has asked for is taken where it is this build's, and came", async () => {
  const good = { title: "early" };
  for (const [change, isTaken] of [
    [{}, true],
    [{ url: "https://service.test/w/1.1.0/ru-widget-old.json" }, false],
    [{ ok: false, status: 404 }, false],
    [undefined, false]
  ] as const) {
    const { addTexts, textsOf, chunks } = await fresh();
    answers["file:"] = answer({ title: "late" });
    asked = [];
    const url = chunks.folder + "ru-widget-hash.json";
    await addTexts(SERVICE, "ru", "widget", Promise.resolve(change && (answer(good, { url, ...change }) as never)));
    assert.deepEqual([textsOf("ru").title, asked.length], isTaken ? ["early", 0] : ["late", 1]);
  }
});

test("what hangs is given up after a time, and asked for again", async () => {
  const { addTexts, hasTexts, chunks } = await fresh();
  mock.timers.enable({ apis: ["setTimeout"] });
  chunks.setPreload(() => new Promise(() => {}));
  answers["file:"] = undefined;
  const waits = () => [addTexts(SERVICE, "ru", "widget")!, chunks.loadChunk("report")];
  for (let time = 0; time < 2; time++) {
    const ends = waits().map(one => one.then(() => "came", String));
    mock.timers.tick(READING - 1);
    assert.equal(await Promise.race([...ends, calm().then(() => "waits")]), "waits");
    mock.timers.tick(1);
    assert.deepEqual(await Promise.all(ends), ["Error: timeout", "Error: timeout"]);
  }
  assert.deepEqual([asked.length, hasTexts("ru", ["widget"])], [2, false]);
});

test("a chunk is fetched once, under the hash that one before it names, and again after a failure", async () => {
  const { chunks } = await fresh();
  const module = (code: string) => "data:text/javascript," + encodeURIComponent(code);
  const fetched: unknown[] = [];
  let isReachable = false;
  chunks.setPreload((...named) => {
    fetched.push(named);
    const hashes = named[0] === "report" ? '{ "later": "abc" }' : "undefined";
    return isReachable
      ? Promise.resolve(module(`export const styles = "${named[0]}"; export const hashes = ${hashes};`))
      : Promise.reject(new Error("network"));
  });
  await assert.rejects(chunks.loadChunk("report"));
  isReachable = true;
  const [one, other] = await Promise.all([chunks.loadChunk("report"), chunks.loadChunk("report")]);
  assert.equal(one, other);
  assert.equal(chunks.loaded.report, one);
  assert.equal((one.sheet as Sheet).css, "report");
  await chunks.loadChunk("later");
  assert.deepEqual(fetched, [
    ["report", undefined],
    ["report", undefined],
    ["later", "abc"]
  ]);
});
