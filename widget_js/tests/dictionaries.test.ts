/** Texts that do not come, and come later. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { addTexts, hasTexts, textsOf } from "../shared/dictionaries.ts";

test("texts that were lost are asked for again, and asked for once while they are on their way", async () => {
  Object.assign(globalThis, { RELEASE: "1.2.0/", TEXTS: "hash" });
  const { fetch } = globalThis;
  const asked: string[] = [];
  let isReachable = false;
  globalThis.fetch = async address => {
    asked.push(String(address));
    if (!isReachable) throw new TypeError("network");
    return { ok: true, json: async () => ({ title: "Сообщить" }) } as Response;
  };
  const add = () => addTexts("https://service.test", "ru", "widget");
  await assert.rejects(async () => add());
  // The folder of the files, then the service, which the page's policy may name alone.
  assert.deepEqual([asked.length, asked[1]], [2, "https://service.test/w/1.2.0/ru-widget-hash.json"]);
  isReachable = true;
  await Promise.all([add(), add()]);
  assert.deepEqual([asked.length, hasTexts("ru", ["widget"]), textsOf("ru").title], [3, true, "Сообщить"]);
  assert.equal(add(), undefined);
  globalThis.fetch = fetch;
});
