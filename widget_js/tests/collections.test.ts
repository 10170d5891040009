/**
 * Collections of a site in a widget: which one is shown and in whose words, the page's address, votes that are left,
 * and the forms of acts. In generated sequences, beside what they promise.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import ru from "../locales/ru.json";
import { playForm, type Form } from "./emailForm.ts";
import { HOME, page } from "./fakePage.ts";
import * as fake from "./fakeWidget.ts";
import { generator, SEED } from "./seed.ts";

const SEQUENCES = 20;
const LENGTH = 30;
const t = { ...ru.widget, ...ru.browse, ...ru.later, ...ru.collection };
const SITE = `${fake.SERVICE}/s/wk`;
const { CONFIG } = fake;
const collection = (slug: string, title: string, changes: object) => ({
  ...{ slug, title, icon: "M0 0", language: "ru", description: "О чём " + title, url: `${SITE}/c/${slug}` },
  ...{ preset: "initiatives", fields: [], answered: true, roles: null, action: "support", opens_at: null },
  ...{ closes_at: null, voting: null, who: "residents", count: 3, ...changes }
});
const voting = { opens_at: null, closes_at: null, per_person: 2, min_age: 16, threshold: 4 };
const BUDGET = collection("budget", "Бюджет", { preset: "budgeting", action: "vote", voting });
const HELP = collection("help", "Помощь", { preset: "volunteers", action: "join", roles: "needs" });
const LETTERS = collection("letters", "Эксперты", { preset: "experts", action: "contact", answered: false });
const DAY = "2026-11-20T09:00:00Z";
const entry = (number: number, changes: object = {}) => ({
  ...{
    number,
    title: "Проект " + number,
    category: "roads",
    description: "Двор\nбольшой",
    address: null,
    location: null
  },
  ...{ photos: [], status: "accepted", created_at: DAY, updated_at: DAY, answer_due: null, overdue: false },
  ...{ supporters: 0, participants: number, answers: {}, timeline: [], answer: null, url: "", discussion: "off" },
  ...{ duplicate_of: null, author: null, responsible: null, source_name: null, kept: null, ...changes }
});
let ENTRIES = [entry(1), entry(2), entry(3)];

let widget: fake.Mounted;
/** The service answers at once. */
async function serve(): Promise<void> {
  for (;;) {
    const [path] = fake.waiting();
    if (path === undefined) return;
    assert.ok(!path.startsWith("/stats"), "the city's figures are none of a collection's");
    const [, slug, number] = /^\/collections\/(\w+)(?:\/entries(?:\/(\d+))?)?/.exec(path) || [];
    const isList = path.includes("/entries?");
    const body = path.startsWith("?lang")
      ? CONFIG
      : path.startsWith("/collections?")
        ? { items: [HELP, LETTERS, BUDGET] }
        : number && !path.includes("/vote")
          ? ENTRIES[+number - 1]
          : isList
            ? { items: ENTRIES, next: null }
            : slug && !number
              ? { ...CONFIG, entry: "Название", links: { site: `${SITE}/c/${slug}` } }
              : {};
    if (path.includes("/vote")) votes.push(path);
    await fake.answer(path, body);
    await fake.pass(1);
  }
}
const votes: string[] = [];
async function begin(collections: string): Promise<void> {
  widget = await new fake.Mounted({ view: "inline", collection: collections }).begin();
  await fake.calm();
  await serve();
  widget.touch();
  await fake.pass(1);
}
const words = (text: string) =>
  text
    .replace(/[\u00a0\u202f]/g, " ")
    .replace(/ +/g, " ")
    .trim();
const text = (selector: string) => words(widget.find(selector)?.textContent || "");

/** What is promised of it. */
class Model {
  slug = "budget";
  entry = 0;
  isReporting = false;
  isActing = false;
  /** The entry whose votes this browser gave. */
  given: number[] = [];
  entries = [""];
  at = 0;
  get hash(): string {
    const parts = [this.slug !== "budget" && "collection=" + this.slug, this.entry && "problem=" + this.entry];
    const made = parts.filter(Boolean).join("&");
    return made && "#igrajdanin?" + made;
  }
  step(): void {
    if (this.hash === this.entries[this.at]) return;
    this.entries.splice(++this.at, Infinity, this.hash);
  }
  close(): void {
    this.entry = 0;
    if (this.at && this.entries[this.at - 1] === this.hash) this.at--;
    else this.entries[this.at] = this.hash;
  }
  walk(by: number): void {
    if (this.entries[this.at + by] === undefined) return;
    this.at += by;
    const given = new URLSearchParams(this.entries[this.at]!.split("?")[1] || "");
    const slug = given.get("collection") || "budget";
    if (slug !== this.slug) this.isReporting = false;
    const number = +(given.get("problem") || 0);
    if (number !== this.entry || slug !== this.slug) this.isActing = false;
    this.slug = slug;
    this.entry = number;
  }
}
let model: Model;

function compare(story: string): void {
  const { slug, entry: number, isReporting, given } = model;
  const current = [BUDGET, HELP].find(one => one.slug === slug)!;
  const isVote = current === BUDGET;
  const left = 2 - given.length;
  const isListed = !number && !isReporting;
  const shown = {
    hash: page.href.slice(HOME.length),
    entries: page.entries.slice(1).map(({ href }) => href.slice(HOME.length)),
    title: text("#title"),
    tabs: widget.all(".tabs button").map(one => [one.textContent, one.getAttribute("aria-current")]),
    about: text(".about"),
    ballot: text(".ballot"),
    opened: text("#opened"),
    isForm: !!widget.find("#acting"),
    acts: widget
      .all(".entry")
      .map(one => [
        one.querySelector("a")!.id,
        words(one.querySelector(".entry-foot strong")!.textContent),
        words((one.querySelector(".entry-foot button") || one.querySelector(".entry-foot .hint"))!.textContent)
      ]),
    head: widget.all(".turn button").map(one => one.textContent),
    isBack: !!widget.find("header button")
  };
  assert.deepEqual(
    shown,
    {
      hash: model.hash,
      entries: model.entries,
      title: isReporting ? (isVote ? t.budgeting_title : t.volunteers_title) : current.title,
      tabs: isReporting ? [] : [BUDGET, HELP].map(one => [one.title, one === current ? "true" : null]),
      about: isListed ? current.description : "",
      ballot:
        !isListed || !isVote
          ? ""
          : words(
              !given.length
                ? t.vote_each.few.replace("{n}", "2")
                : left
                  ? t.vote_left.replace("{left}", "1").replace("{all}", "2")
                  : t.vote_left_none
            ),
      opened:
        number && !isReporting
          ? (isVote ? t.budgeting_problem_number : t.volunteers_problem_number).replace("{number}", `${number}`)
          : "",
      isForm: !!number && !isReporting && model.isActing,
      acts: isListed
        ? ENTRIES.map(({ number }) => [
            `problem-${number}`,
            (isVote ? t.counted_vote : t.counted_join)[number === 1 ? "one" : "few"].replace("{n}", `${number}`),
            isVote && given.includes(number) ? t.vote_given : `${isVote ? t.act_vote : t.act_join}: Проект ${number}`
          ])
        : [],
      head: isListed ? [isVote ? t.budgeting_title : t.volunteers_title] : [],
      isBack: !isListed
    },
    story
  );
}

test(`collections, their entries and their votes (SEED=${SEED})`, async () => {
  for (let sequence = 0; sequence < SEQUENCES; sequence++) {
    const pick = generator(SEED + sequence);
    fake.beginWidgets();
    model = new Model();
    votes.length = 0;
    await begin(" budget, help\nbudget");
    let story = `SEED=${SEED + sequence}`;
    compare(story);
    for (let step = 0; step < LENGTH; step++) {
      const { slug, entry: number, isReporting } = model;
      const isListed = !number && !isReporting;
      const act = ["tab", "card", "act", "back", "back", "form", "browser", "forward", "vote", "again", "press"][
        pick(11)
      ]!;
      const chosen = 1 + pick(3);
      let focus: string | undefined;
      if (act === "tab" && !isReporting) {
        const to = pick(2);
        if (slug !== ["budget", "help"][to]) {
          model.slug = ["budget", "help"][to]!;
          model.entry = 0;
          model.isActing = false;
          model.step();
        }
        await widget.press(widget.all(".tabs button")[to]);
      } else if (act === "card" && isListed) {
        model.entry = chosen;
        model.isActing = false;
        model.step();
        await widget.press(widget.root.getElementById("problem-" + chosen)!);
        focus = "opened";
      } else if (act === "act" && isListed) {
        const button = widget.all(".entry")[chosen - 1]!.querySelector("button");
        if (!button) continue;
        model.entry = chosen;
        model.isActing = true;
        model.step();
        await widget.press(button);
      } else if (act === "press" && number && !isReporting) {
        model.isActing = !model.isActing;
        await widget.press(widget.find("article button[aria-expanded]"));
        if (model.isActing) focus = "acting";
      } else if (act === "back" && !isListed) {
        if (isReporting) {
          model.isReporting = false;
          focus = "title";
        } else {
          model.close();
          model.isActing = false;
          focus = "problem-" + number;
        }
        await widget.press(widget.find("header button"));
      } else if (act === "form" && isListed) {
        model.isReporting = true;
        focus = "title";
        await widget.press(widget.find(".turn button"));
      } else if (act === "browser" && model.at) {
        model.walk(-1);
        page.go(-1);
        await fake.calm();
      } else if (act === "forward") {
        model.walk(1);
        page.go(1);
        await fake.calm();
      } else if (act === "vote" && number && slug === "budget" && !isReporting && widget.find("#vote-email")) {
        widget.root.getElementById("vote-declared")!.tick();
        widget.root.getElementById("vote-consent")!.tick();
        widget.root.getElementById("vote-email")!.enter("a@mail.test");
        await fake.calm();
        widget.find("form")!.act("submit");
        await fake.calm();
        if (!model.given.includes(number)) model.given.push(number);
        await serve();
        assert.equal(votes.pop(), `/collections/budget/entries/${number}/vote`, story);
      } else if (act === "again") {
        // The page is loaded anew, and its address with it.
        widget.destroy();
        await fake.calm();
        fake.restart();
        Object.assign(model, { entries: [""], at: 0, slug: "budget", entry: 0, isReporting: false, isActing: false });
        await begin("budget help");
      } else continue;
      story += `, ${act}`;
      await fake.pass(1);
      await serve();
      await fake.pass(1);
      compare(story);
      if (focus) assert.equal(widget.focused, focus, "focus: " + story);
    }
    widget.destroy();
  }
});

const LETTER: [string, string?][] = [
  [" Здравствуйте ", undefined],
  ["", undefined],
  [" ав ", undefined]
];
const FORMS: [of: { slug: string }, form: Form, answers: object][] = [
  [
    BUDGET,
    {
      ...{
        id: "vote",
        path: "",
        refusal: t.act_consent,
        noEmail: t.entry_error_email_required,
        sent: t.vote_sent,
        texts: {}
      },
      ...{ ticks: { declared: t.vote_declared_error }, body: (_, { declared }) => ({ declared }) }
    },
    {}
  ],
  [
    HELP,
    {
      ...{
        id: "join",
        path: "",
        refusal: t.act_consent,
        noEmail: t.entry_error_email_required,
        sent: t.join_sent,
        ticks: {}
      },
      texts: { role: [["водитель"], [""]], text: LETTER, name: [[" Анна "], [""]] },
      body: ({ role, text, name }) => ({ role, text: text!.trim(), name: name!.trim() })
    },
    { needs: "водитель, фотограф" }
  ],
  [
    LETTERS,
    {
      ...{
        id: "contact",
        path: "",
        refusal: t.act_consent,
        noEmail: t.entry_error_email_required,
        sent: t.contact_sent,
        ticks: { show_email: undefined }
      },
      texts: {
        text: LETTER.map(([text]) => [text, text.trim().length < 3 ? t.contact_error : ""]),
        name: [[" Анна "], [""]]
      },
      body: ({ text, name }, { show_email }) => ({ text: text!.trim(), name: name!.trim(), show_email })
    },
    {}
  ]
];

test(`votes, parts and letters say what is missing, and go once (SEED=${SEED})`, async () => {
  for (let round = 0; round < 9; round++) {
    fake.beginWidgets();
    const [of, form, answers] = FORMS[round % 3]!;
    ENTRIES = [entry(1, { answers })];
    await begin(of.slug);
    await widget.press(widget.find(".entry-foot button"));
    await serve();
    await fake.pass(1);
    form.path = `/collections/${of.slug}/entries/1/${form.id}`;
    if (of === BUDGET) {
      assert.match(text("#acting label"), /Мне уже есть 16 лет/);
      assert.equal(text("article button[aria-expanded]"), t.vote_title.replace("{title}", "Проект 1"));
    }
    if (of === HELP)
      assert.deepEqual(
        widget.all("#join-role option").map(one => one.textContent),
        [t.join_any_role, "водитель", "фотограф"]
      );
    await playForm(widget, form, generator(SEED + round), `SEED=${SEED + round}: ${form.id}`);
    widget.destroy();
  }
});

/** With these members of collection and entry: is there something to press on the card, and on its page? */
const over = { begins: "2026-11-01T10:00:00+03:00" };
const ACTS: [of: Record<string, unknown>, changes: object, onCard: string | undefined, onPage: boolean][] = [
  [BUDGET, {}, t.act_vote, true],
  [BUDGET, { status: "resolved" }, undefined, false],
  [BUDGET, { duplicate_of: 2, status: "duplicate" }, undefined, false],
  [HELP, {}, t.act_join, true],
  [HELP, { answers: over }, undefined, false],
  [LETTERS, { answers: over }, t.experts_act_contact, true]
];

test("what can be done with an entry", async () => {
  for (const [of, changes, onCard, onPage] of ACTS) {
    fake.beginWidgets();
    ENTRIES = [entry(1, changes)];
    await begin(of.slug as string);
    const story = JSON.stringify([of.slug, changes]);
    widget.find(".city")!.box.width = 700;
    fake.Watch.resize();
    await fake.calm();
    const groups = widget.all(".bar .pill .chip").map(one => one.textContent);
    assert.equal(groups.length, of.answered ? 4 : 0, "states are those of what is worked on: " + story);
    const button = widget.find(".entry-foot button");
    assert.equal(button && words(button.textContent), onCard && `${onCard}: Проект 1`, story);
    await widget.press(widget.root.getElementById("problem-1")!);
    await serve();
    assert.equal(!!widget.find("article button", onCard || t[`act_${of.action as "vote"}`]), onPage, story);
    assert.equal(!!widget.find("article h4", t.timeline_title), of.answered, story);
    assert.equal(!!widget.find("button", t.entry_support), false, story);
    widget.destroy();
  }
  ENTRIES = [entry(1), entry(2), entry(3)];
});
