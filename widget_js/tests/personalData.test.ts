import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { moveContacts } from "../report/privacy/move.ts";
import { empty } from "../report/values.ts";
import { findPersonalData, takeOut } from "../shared/personalData.ts";

/** Written before the patterns: ordinary reports, and what must be noticed. */
const texts: { ordinary: string[]; personal: { kinds: string; text: string }[] } = JSON.parse(
  readFileSync(join(import.meta.dirname, "personalData.json"), "utf8")
);
const kindsOf = (text: string) => [...new Set(findPersonalData(text).map(({ kind }) => kind))].join();

test("ordinary reports cause at most one false alarm in 200", () => {
  assert.ok(texts.ordinary.length >= 200);
  const alarms = texts.ordinary.filter(kindsOf).map(text => [text, kindsOf(text)]);
  assert.ok(alarms.length <= texts.ordinary.length / 200, JSON.stringify(alarms, null, 1));
});

test("contacts, plates and documents are noticed in all their spellings", () => {
  assert.ok(texts.personal.length >= 60);
  const wrong = texts.personal
    .filter(({ kinds, text }) => kindsOf(text).split(",").sort().join() !== kinds.split(",").sort().join())
    .map(({ kinds, text }) => `${kinds} ≠ ${kindsOf(text)}: ${text}`);
  assert.deepEqual(wrong, []);
});

test("contacts move to empty private fields that are asked for, and leave a tidy text", () => {
  const asked = ["email", "name", "phone"] as const;
  const move = (description: string, values = {}, fields: readonly (typeof asked)[number][] = asked) =>
    moveContacts({ ...empty, description, ...values }, [...fields]).change;
  assert.deepEqual(move("Не горит фонарь. Мой телефон: 8 900 123-45-67, почта ivan@example.ru."), {
    phone: "8 900 123-45-67",
    email: "ivan@example.ru",
    description: "Не горит фонарь."
  });
  assert.deepEqual(move("Яма (тел. (495) 123‑45‑67) у дома 5\n8 900 1234567"), {
    phone: "8 900 1234567",
    description: "Яма (тел. (495) 123‑45‑67) у дома 5"
  });
  assert.deepEqual(move("Яма, (495) 123-45-67, у дома 5"), {
    phone: "8 (495) 123-45-67",
    description: "Яма, у дома 5"
  });
  assert.deepEqual(move("Яма, 89001234567", { phone: "89007654321" }), {});
  assert.deepEqual(move("Яма, 89001234567", {}, ["email"]), {});
});

test("each finding stands where it is in the text, and what looks like one is none", () => {
  const found = (text: string) =>
    findPersonalData(text).map(
      ({ kind, text: one, start }) => (assert.equal(text.substr(start, one.length), one), kind)
    );
  for (const [text, ...kinds] of [
    // A sum, a card that is none, a date, measures: each beside what is one.
    ["Смета 8 900 123 456, звоните 8 900 123-45-67", "phone"],
    ["Потратили 89 000 000 000 рублей"],
    ["Карта 4000 0000 0000 0002, заказ 4000 0000 0000 0003", "card"],
    ["С 12-11-25 не убирают, телефон 2-34-56", "phone"],
    ["Убрали 12-11-25"],
    ["Машина а123вс77", "plate"],
    ["В 100 см 20 от края"],
    ["ОТ М 100 КМ 50"],
    // In the order of the text, whichever is looked for first; nothing is found twice.
    ["89001234567, anna@example.test, А123ВС77", "phone", "email", "plate"],
    ["А123ВС77 89001234567 и 89007654321", "plate", "phone", "phone"],
    ["СНИЛС 112-233-445 95", "snils"],
    ["По заявке 89001234567 от мая"]
  ] as [string, ...string[]][])
    assert.deepEqual(found(text), kinds, text);
});

test("what is taken out takes along what announced it, and leaves lines and stops in order", () => {
  const without = (text: string) => takeOut(text, findPersonalData(text)[0]!);
  for (const [text, rest] of [
    ["Яма (89001234567) у школы", "Яма у школы"],
    ["Яма.\nМой телефон: 89001234567\nУ школы", "Яма.\n\nУ школы"],
    ["Яма, тел. 89001234567, у школы", "Яма, у школы"],
    ["89001234567, яма", "яма"],
    ["Фонарь не горит, 89001234567", "Фонарь не горит"],
    ["Фонарь не горит, звоните по 89001234567", "Фонарь не горит"],
    ["Фонарь не горит, пишите на anna@example.test", "Фонарь не горит"],
    ["Фонарь не горит, тел. 89001234567.\nУ школы", "Фонарь не горит.\nУ школы"],
    ["Фонарь не горит: 89001234567. Темно", "Фонарь не горит. Темно"],
    ["Звоните по 89001234567 в любое время", "в любое время"],
    ["Номер заявки 5, 89001234567, на углу", "Номер заявки 5, на углу"]
  ] as const)
    assert.equal(without(text), rest);
});
