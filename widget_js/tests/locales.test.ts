import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { language, type Texts } from "../shared/i18n.ts";
import { age } from "../browse/age.ts";
import ru from "../locales/ru.json";

const folder = new URL("../locales/", import.meta.url);
const dictionaries: Record<string, typeof ru> = Object.fromEntries(
  readdirSync(folder).map(name => [name.split(".")[0], JSON.parse(readFileSync(new URL(name, folder), "utf8"))])
);
const all = (parts: typeof ru) => Object.assign({}, ...Object.values(parts)) as Texts;
const russian = all(ru);
const languages = Object.fromEntries(Object.entries(dictionaries).map(([name, parts]) => [name, all(parts)]));
const gaps = (text: unknown) => [...JSON.stringify(text).matchAll(/\{\w+\}/g)].map(found => found[0]);

for (const [name, texts] of Object.entries(languages)) {
  test(`${name} has every text, in its part, with its gaps`, () => {
    assert.deepEqual(Object.keys(texts).sort(), Object.keys(russian).sort());
    for (const [key, text] of Object.entries(russian)) {
      const other = texts[key as keyof Texts];
      assert.equal(typeof other, typeof text, key);
      assert.deepEqual(new Set(gaps(other)), new Set(gaps(text)), key);
    }
  });

  test(`${name}: each counted text has the forms its language needs`, () => {
    const needed = new Intl.PluralRules(texts.locale).resolvedOptions().pluralCategories;
    for (const [key, forms] of Object.entries(texts)) {
      if (typeof forms === "object" && "other" in forms)
        assert.deepEqual(Object.keys(forms).sort(), [...needed].sort(), key);
    }
  });

  test(`${name}: no exclamation marks, no empty texts`, () => assert.doesNotMatch(JSON.stringify(texts), /!|: ?""/));
}

test("a name means one text in all parts, which the page keeps together", () => {
  for (const parts of Object.values(dictionaries)) {
    const known: Record<string, unknown> = {};
    for (const [key, text] of Object.values(parts).flatMap(texts => Object.entries(texts)))
      assert.deepEqual((known[key] ??= text), text, key);
  }
});

/** Words after a number that are the same for every number. */
const INVARIANT = "фото м МБ км в решено закрыто из m MB km of more in resolved closed shows can".split(" ");
for (const [name, texts] of Object.entries(languages)) {
  test(`${name}: what agrees with a number is counted`, () => {
    for (const [key, text] of Object.entries(texts)) {
      const [, word] = (typeof text === "string" && /\{n\}\s(\p{L}+)/u.exec(text)) || [];
      assert.ok(!word || INVARIANT.includes(word), `${key}: ${text}`);
    }
  });
}

test("parts hold the same texts in every language", () => {
  const named = (parts: object) =>
    Object.entries(parts).map(([part, texts]) => [part, Object.keys(texts as object).sort()]);
  for (const [name, parts] of Object.entries(dictionaries)) {
    assert.deepEqual(Object.fromEntries(named(parts)), Object.fromEntries(named(ru)), name);
  }
});

test("plurals, dates and figures", () => {
  const { count, date, number, time, t } = language("ru", russian, "Asia/Vladivostok");
  assert.deepEqual(
    [1, 2, 5, 11, 21, 104].map(n => count("days", n)),
    ["1 день", "2 дня", "5 дней", "11 дней", "21 день", "104 дня"]
  );
  const year = new Date().getFullYear();
  // A local date is the same day everywhere; a moment is the day of the site's zone.
  assert.equal(date(`${year}-12-12`), "12\u00a0декабря");
  assert.equal(language("ru", russian, "Atlantic/Azores").date(`${year}-12-12`), "12\u00a0декабря");
  assert.equal(date(`${year}-06-01T20:00:00Z`), "2\u00a0июня");
  assert.equal(date("2020-06-01"), "1\u00a0июня 2020 г.");
  assert.equal(time("2026-06-01T20:05:00Z"), "06:05");
  assert.equal(number(12345), "12\u202f345");
  assert.equal(t("step", { n: 2, of: 4 }), "Шаг 2 из 4");
  const english = language("en", languages.en!, "Europe/Moscow");
  assert.deepEqual(
    [1, 2].map(n => english.count("days", n)),
    ["1 day", "2 days"]
  );
  assert.equal(english.date(`${year}-12-12`), "12\u00a0December");
});

test("a missing text is shown as its key", () => {
  const { count, number, t } = language("ru", {} as Texts);
  assert.deepEqual([t("title"), count("days", 2), number(5)], ["title", "days", "5"]);
});

test("age in words", () => {
  const words = language("ru", russian);
  const ago = (seconds: number) => age(words, new Date(Date.now() - seconds * 1000).toISOString());
  assert.equal(ago(5), "только что");
  assert.equal(ago(5 * 60 + 5), "5\u00a0минут назад");
  assert.equal(ago(3 * 86400 + 5), "3\u00a0дня назад");
  assert.equal(ago(-30), "только что");
});
