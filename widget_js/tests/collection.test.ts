import assert from "node:assert/strict";
import { test } from "node:test";
import type { Api } from "../shared/api.ts";
import type { Category, Collection, Configuration, Question } from "../shared/contract.ts";
import { language, type Texts } from "../shared/i18n.ts";
import type { Shown } from "../shared/site.ts";
import { answer, answered, choices, named } from "../browse/filters/answers.ts";
import { ofCollection } from "../collection/api.ts";
import {
  actOf,
  answersOf,
  ballot,
  daysOf,
  isCovered,
  isOver,
  moneyOf,
  neededBy,
  period,
  rolesOf,
  slugsOf
} from "../collection/entries.ts";
import { ofEntries } from "../collection/language.ts";
import { validate } from "../report/validate.ts";
import { withoutPrototype, empty, report } from "../report/values.ts";
import en from "../locales/en.json";
import ru from "../locales/ru.json";

const texts = Object.assign({}, ...Object.values(en)) as Texts;
const words = language("en", texts, "Europe/Moscow");
const options = [
  { key: "a", name: "Lecture" },
  { key: "b", name: "Advice" }
];
const ask = (code: string, datatype: Question["datatype"], values: Question["values"] = []): Question => ({
  code,
  datatype,
  values,
  required: true,
  description: code,
  hint: null,
  order: 1
});
/** Codes that are names of members of every object. */
const questions = [
  ask("constructor", "singlevaluelist", options),
  ask("toString", "multivaluelist", options),
  ask("__proto__", "string"),
  ask("valueOf", "number"),
  ask("hasOwnProperty", "datetime")
];
const config = {
  entry: "Name",
  categories: [{ code: "law", questions } as Category],
  limits: { description: { min: 3, max: 100 } },
  consent: { version: "1", publish_name: { version: "1" } }
} as unknown as Configuration;

test("a code may be the name of a member that every object has", () => {
  const entry = (answers: string) => ({ category: "law", answers: JSON.parse(answers) }) as Shown;
  assert.deepEqual(answersOf(entry("{}"), config, words), []);
  const given =
    '{"constructor": "b", "toString": ["a", "b"], "__proto__": "x", "valueOf": "1200", "hasOwnProperty": "2020-06-01"}';
  assert.deepEqual(
    answersOf(entry(given), config, words).map(([, answer]) => answer),
    ["Advice", "Lecture, Advice", "x", "1,200", "1\u00a0June 2020"]
  );
  const blank = { ...empty, category: "law", subject: "Law", description: "Twenty years", address: "1", consent: true };
  const missing = validate(config, blank).map(({ control }) => control);
  assert.deepEqual(
    missing,
    questions.map(({ code }) => "answers." + code)
  );
  Object.assign(globalThis, { location: { origin: "", pathname: "" } });
  assert.deepEqual(report(config, blank, "en").answers, {});
  const filled = { ...blank, answers: withoutPrototype({ ...blank.answers, constructor: "a" }) };
  assert.equal(JSON.stringify(report(config, filled, "en").answers), '{"constructor":"a"}');
});

test("an entry needs its title, a problem has none", () => {
  const controls = (entry?: string) =>
    validate({ ...config, entry } as Configuration, { ...empty, category: "law" }).map(({ control }) => control);
  assert.ok(controls("Name").includes("subject"));
  assert.ok(!controls().includes("subject"));
  Object.assign(globalThis, { location: { origin: "", pathname: "" } });
  assert.ok(!JSON.stringify(report(config, empty, "en")).includes("title"));
});

test("one option of each question is chosen", () => {
  const first = answer(undefined, "toString", "b");
  const both = answer(first, "constructor", "a");
  assert.equal(both, "constructor:a,toString:b");
  assert.equal(answered(both, "constructor"), "a");
  assert.equal(answered(both, "to"), "");
  assert.deepEqual(named(both, questions, "Past"), ["Lecture", "Advice"]);
  assert.equal(answer(answer(both, "constructor", ""), "toString", ""), "");
  const comma = ask("c", "singlevaluelist", [{ key: "one, two", name: "" }]);
  assert.deepEqual(choices([comma, ...questions]), questions.slice(0, 2));
});

test("a directory of support by region has more to show on its page", () => {
  const support = ask("support", "multivaluelist", options);
  assert.equal(isCovered([ask("region", "string"), support]), true);
  assert.equal(isCovered([support]), false);
});

test("whether entries are taken, and what is said of it", () => {
  const periodWith = (changes: Partial<Collection>) =>
    period(
      { who: "residents", opens_at: null, closes_at: null, ...changes } as Collection,
      Date.parse("2020-06-15T12:00:00Z"),
      words
    );
  assert.deepEqual(periodWith({}), { taking: true, text: "" });
  assert.equal(periodWith({ who: "agency" }).taking, false);
  assert.equal(periodWith({ who: "invited" }).taking, false);
  const begins = periodWith({ opens_at: "2020-06-30T21:00:00Z" });
  assert.deepEqual(begins, { taking: false, text: "New entries are taken from 1\u00a0July 2020." });
  // The midnight after 30 June, in Moscow.
  const closes_at = "2020-06-30T21:00:00Z";
  const open = periodWith({ closes_at });
  assert.deepEqual(open, { taking: true, text: "New entries are taken up to and including 30\u00a0June 2020." });
  assert.equal(periodWith({ closes_at: "2020-06-01T21:00:00Z" }).taking, false);
});

test("an entry is over after its last day, in the time zone of its answers", () => {
  const over = (answers: Record<string, string>, now: string) =>
    isOver({ answers } as unknown as Shown, Date.parse(now));
  const begins = "2020-06-29T18:00:00+03:00";
  assert.equal(over({ begins, ends: "2020-06-30T00:00:00+03:00" }, "2020-06-30T20:59:00Z"), false);
  assert.equal(over({ begins, ends: "2020-06-30T00:00:00+03:00" }, "2020-06-30T21:00:00Z"), true);
  assert.equal(over({ begins }, "2020-06-29T21:00:00Z"), true);
  assert.equal(over({}, "2020-06-30T21:00:00Z"), false);
});

test("roles are those that the service takes", () => {
  const named = (needs: unknown) => rolesOf({ answers: { needs } } as unknown as Shown, "needs");
  assert.deepEqual(named(" водитель,\nфото \t граф;водитель, ,"), ["водитель", "фото граф"]);
  assert.deepEqual(named(["водитель, с машиной", "водитель, с машиной"]), ["водитель, с машиной"]);
  assert.deepEqual(named("😀".repeat(61)), ["😀".repeat(60)]);
  assert.equal(named(Array.from({ length: 13 }, (_, at) => `role ${at}`).join()).length, 12);
  assert.deepEqual(rolesOf({ answers: { needs: "водитель" } } as unknown as Shown, null), []);
});

test("entries are asked for where the collection is, the rest where the site is", async () => {
  const calls: string[] = [];
  const call = (path: string) => Promise.resolve(calls.push(path));
  const site = {
    site: "/sites/wk",
    get: call,
    send: call,
    seen: () => call("seen"),
    challenge: () => call("challenge")
  };
  const api = ofCollection(
    site as unknown as Api,
    { slug: "ideas", fields: questions },
    Promise.resolve({ items: [], next: null })
  );
  assert.deepEqual(await api.get("/problems?", 1), { items: [], next: null });
  await api.get("/problems?");
  await api.get("/problems/3");
  await api.get("/clusters?zoom=3&answers=constructor:a,toString:gone,none:a&bbox=1,2,3,4");
  await api.get("/problems?answers=past:true");
  const dated = ofCollection(site as unknown as Api, { slug: "school", fields: [ask("begins", "datetime")] });
  await dated.get("/problems?answers=past:true");
  await api.send("/problems/3/follow", {});
  await api.seen();
  assert.deepEqual(calls, [
    "/collections/ideas/entries?",
    "/collections/ideas/entries/3",
    "/collections/ideas/clusters?zoom=3&bbox=1%2C2%2C3%2C4&field.constructor=a",
    "/collections/ideas/entries?",
    "/collections/school/entries?past=true",
    "/collections/ideas/entries/3/follow",
    "seen"
  ]);
  assert.equal(api.site, "/sites/wk/collections/ideas");
});

test("words of entries stand for those of problems", () => {
  const { t, count } = ofEntries(words, "budgeting");
  assert.equal(t("problem_number", { number: 3 }), "Project No. 3");
  assert.equal(count("list_found", 2), "2 projects found");
  assert.equal(count("map_seen", 2), "2 projects on the map");
  assert.equal(ofEntries(words, "initiatives").t("search_label"), "Search the initiatives");
  const russian = language("ru", Object.assign({}, ...Object.values(ru)) as Texts, "Europe/Moscow");
  for (const preset of ["budgeting", "initiatives", "experts"]) {
    const own = ofEntries(russian, preset);
    for (const key of [
      "search_label",
      "done_received",
      "map_city",
      "vote_email_hint",
      "join_text_hint",
      "join_name_hint"
    ] as const)
      assert.doesNotMatch(own.t(key), /запис/i, preset);
    for (const key of ["map_cluster", "map_here", "map_seen"] as const)
      for (const n of [1, 2, 5]) assert.doesNotMatch(own.count(key, n), /запис/i, preset);
  }
  assert.equal(t("entry_supported"), ofEntries(words, "").t("supported"));
  assert.equal(t("close"), "Close");
  const base = Object.entries(en).flatMap(([part, all]) => (part === "collection" ? [] : Object.keys(all)));
  const presets = "volunteers inspectors resource-centres programmes budgeting experts initiatives".split(" ");
  const named = Object.keys(en.collection);
  for (const first of ["entry", ...presets].map(one => one + "_")) {
    const other = named.filter(name => name.startsWith(first)).map(name => name.slice(first.length));
    assert.ok(other.length);
    assert.deepEqual(
      other.filter(name => ![...base, ...named].includes(name)),
      []
    );
  }
});

test("money, days and what is needed stand on a card in words", () => {
  const entry = (answers: Record<string, string>) => ({ answers, status: "accepted" }) as unknown as Shown;
  const money = (answers: Record<string, string>) => moneyOf(entry(answers), words);
  assert.equal(
    money({ cost: "1400000", own_share: "60000" }),
    "1,400,000\u00a0₽, of which residents give 60,000\u00a0₽"
  );
  assert.equal(money({ cost: "1400000", own_share: "0" }), "1,400,000\u00a0₽");
  assert.equal(money({ price: "0" }), "Free of charge");
  assert.equal(money({ cost: "a lot" }), "");
  assert.equal(daysOf(entry({ begins: "2020-06-01T10:00:00+03:00", ends: "2020-06-01" }), words), "1\u00a0June 2020");
  assert.equal(
    daysOf(entry({ begins: "2020-06-01", ends: "2020-07-02" }), words),
    "1\u00a0June 2020 – 2\u00a0July 2020"
  );
  const voting = { opens_at: null, closes_at: null, per_person: 3, min_age: null, threshold: 50 };
  assert.equal(neededBy(entry({ people: "7" }), { action: "vote", voting } as Collection), 50);
  assert.equal(neededBy(entry({ people: "7" }), { action: "join", voting: null } as Collection), 7);
  assert.equal(ballot(voting, 0, words).text, "You have 3 votes, one per project.");
  assert.equal(ballot(voting, 1, words).text, "Votes left: 2 of 3, if those given are confirmed by email.");
  assert.match(
    ballot(voting, 4, words).text,
    /^You have given all your votes; those not confirmed by email do not count\./
  );
  const over = { ...voting, closes_at: "2020-06-01T00:00:00Z" };
  assert.equal(ballot(over, 1, words).text, "Voting is over: the last day was 1\u00a0June 2020.");
  assert.equal(actOf(entry({}), { action: "vote", voting: over } as Collection, Date.now(), words), "");
  assert.equal(actOf(entry({}), { action: "vote", voting } as Collection, Date.now(), words), "vote");
});

test("slugs stand between spaces or commas", () => {
  assert.deepEqual(slugsOf(" budgeting, ideas\nbudgeting "), ["budgeting", "ideas"]);
});
