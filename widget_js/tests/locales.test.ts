import assert from "node:assert/strict";
import { test } from "node:test";
import { language, type Texts } from "../i18n.ts";
import en from "../locales/en.json";
import ru from "../locales/ru.json";

const others: Record<string, unknown> = { en };
const gaps = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(found => found[0]).sort();

for (const [name, texts] of Object.entries(others)) {
  test(`${name} has every text of ru, with the same gaps`, () => {
    const other = texts as Record<string, unknown>;
    assert.deepEqual(Object.keys(other).sort(), Object.keys(ru).sort());
    for (const [key, text] of Object.entries(ru)) {
      assert.equal(typeof other[key], typeof text, key);
      if (typeof text === "string") assert.deepEqual(gaps(String(other[key])), gaps(text), key);
    }
  });
}

test("each counted text has the forms its language needs", () => {
  for (const texts of [ru, ...Object.values(others)] as Texts[]) {
    const needed = new Intl.PluralRules(texts.locale).resolvedOptions().pluralCategories;
    for (const [key, forms] of Object.entries(texts)) {
      if (typeof forms === "object" && "other" in forms) assert.deepEqual(Object.keys(forms).sort(), [...needed].sort(), key);
    }
  }
});

test("no exclamation marks, no empty texts", () => {
  for (const texts of [ru, en]) assert.doesNotMatch(JSON.stringify(texts), /!|: ""/);
});

test("plurals, dates and figures", () => {
  const { count, date, number, time } = language(ru, "Asia/Vladivostok");
  assert.deepEqual([1, 2, 5, 11, 21, 104].map(n => count("errors_title", n)),
    ["Исправьте 1 поле", "Исправьте 2 поля", "Исправьте 5 полей", "Исправьте 11 полей", "Исправьте 21 поле", "Исправьте 104 поля"]);
  const year = new Date().getFullYear();
  // A local date is the same day everywhere; a moment is the day of the site's zone.
  assert.equal(date(`${year}-12-12`), "12 декабря");
  assert.equal(date(`${year}-06-01T20:00:00Z`), "2 июня");
  assert.equal(date("2020-06-01"), "1 июня 2020 г.");
  assert.equal(time("2026-06-01T20:05:00Z"), "06:05");
  assert.equal(number(12345), "12\u202f345");
  const english = language(en as unknown as Texts, "Europe/Moscow");
  assert.deepEqual([1, 2].map(n => english.count("errors_title", n)), ["Correct 1 field", "Correct 2 fields"]);
  assert.equal(english.date(`${year}-12-12`), "12 December");
});

test("age in words", () => {
  const { age } = language(ru);
  const ago = (seconds: number) => age(new Date(Date.now() - seconds * 1000).toISOString());
  assert.equal(ago(5), "только что");
  assert.equal(ago(5 * 60 + 5), "5 минут назад");
  assert.equal(ago(3 * 86400 + 5), "3 дня назад");
  assert.equal(ago(-30), "только что");
});
