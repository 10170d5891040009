/** What the views around the list say and do at single moments: cards, filters, figures, the way back. */

import assert from "node:assert/strict";
import { test } from "node:test";
import ru from "../locales/ru.json";
import { HOME, page, START } from "./fakePage.ts";
import * as fake from "./fakeWidget.ts";

const t = { ...ru.widget, ...ru.browse, ...ru.later };
const { CONFIG } = fake;
const YESTERDAY = "2026-11-30T09:00:00Z";
const PROBLEM = {
  ...{ number: 5, category: "roads", description: "Яма\nбольшая", address: "улица Мира", location: null, photos: [] },
  ...{ status: "accepted", created_at: YESTERDAY, updated_at: YESTERDAY, answer_due: null, overdue: false },
  ...{ supporters: 3, timeline: [], answer: null, url: "", discussion: "off" }
};

let widget: fake.Mounted;
/** The list with these problems, under this hash. */
async function list(
  problems: object[],
  { hash = "", next = null as string | null, view = "inline", width = 700 } = {}
) {
  // The page before has its history back.
  await fake.calm();
  fake.beginWidgets();
  page.entries[START]!.href += hash;
  widget = await new fake.Mounted({ view }).begin();
  widget.touch();
  await widget.open();
  await fake.answer("?lang=ru", CONFIG);
  widget.find(".city")!.box.width = width;
  fake.Watch.resize();
  await fake.answer(/\/problems\?/, { items: problems.map(one => ({ ...PROBLEM, ...one })), next });
  await fake.pass(1);
}
const words = (text: string) =>
  text
    .replace(/[\u00a0\u202f]/g, " ")
    .replace(/ +/g, " ")
    .trim();
const text = (selector: string) => words(widget.find(selector)?.textContent || "");
const query = () => new URLSearchParams(page.href.split("?")[1] || "");

test("filters whose code did not come can be asked for again", async () => {
  await list([{}]);
  widget.missing.add("filters");
  await widget.press(widget.find("#fold"));
  assert.match(text(".bar [role=alert]"), new RegExp(t.part_failed));
  widget.missing.clear();
  await widget.press(widget.find(".bar [role=alert] button"));
  assert.ok(widget.root.getElementById("period"));
  widget.destroy();
});

const ago = (seconds: number) => new Date(Date.parse("2026-12-01T09:00:00Z") - seconds * 1000).toISOString();
/** What stands below the title of a card. */
const CARDS: [problem: object, hash: string, told: string][] = [
  [{}, "", "Дороги · улица Мира · вчера"],
  [{ category: "gone", address: null }, "", `gone · ${t.no_address} · вчера`],
  [{ created_at: ago(59) }, "", `Дороги · улица Мира · ${t.just_now}`],
  [{ created_at: ago(60) }, "", "Дороги · улица Мира · 1 минуту назад"],
  [{ created_at: ago(3600 * 23.9) }, "", "Дороги · улица Мира · 23 часа назад"],
  [{ created_at: ago(86400 * 1.9) }, "", "Дороги · улица Мира · вчера"],
  [{ created_at: ago(86400 * 7) }, "", "Дороги · улица Мира · на прошлой неделе"],
  [{}, "?sort=support", `Дороги · улица Мира · ${t.supporters.few.replace("{n}", "3")}`],
  [{ answer_due: "2026-12-10" }, "?sort=due", `Дороги · улица Мира · ${t.due.replace("{date}", "10 декабря")}`],
  [{}, "?sort=due", "Дороги · улица Мира · вчера"],
  [{ updated_at: ago(120) }, "?sort=updated", `Дороги · улица Мира · ${t.updated.replace("{when}", "2 минуты назад")}`]
];

test("a card says where, and what the list is sorted by", async () => {
  for (const [problem, hash, told] of CARDS) {
    await list([problem], { hash: hash && "#igrajdanin" + hash });
    assert.equal(text(".card .muted"), told, JSON.stringify([problem, hash]));
    widget.destroy();
  }
});

test("a card is a link with a place in the list, and the widget's own to press without a key", async () => {
  const photos = [{ url: "a", thumb: "a?thumb", small: "a?small", alt: null }];
  await list([{ photos }, { number: 4, description: "Вторая" }], { next: "c" });
  const places = () =>
    widget.all("[role=listitem]").map(one => [one.getAttribute("aria-posinset"), one.getAttribute("aria-setsize")]);
  assert.deepEqual(places(), [
    ["1", "-1"],
    ["2", "-1"]
  ]);
  const [card] = widget.all("a.card");
  assert.equal(card!.getAttribute("href"), `${fake.SERVICE}/s/wk/problems/5`);
  const title = card!.querySelector(".card-title")!;
  assert.deepEqual([title.textContent, title.getAttribute("lang")], ["Яма", "ru"]);
  const picture = card!.querySelector("img")!;
  assert.equal(picture.getAttribute("src"), "a?small");
  picture.act("error");
  assert.ok((picture as unknown as { hidden?: boolean }).hidden, "a policy may forbid it");
  for (const key of ["ctrlKey", "metaKey", "shiftKey", "altKey"])
    assert.equal(card!.press({ [key]: true }).defaultPrevented, false, key);
  assert.equal(page.href, HOME);
  await widget.press(widget.find("button", t.list_more));
  await fake.answer(/cursor=c/, { items: [{ ...PROBLEM, number: 3 }], next: null });
  assert.deepEqual(places()[2], ["3", "3"]);
  await fake.pass(1);
  assert.equal(widget.focused, "problem-3", "one reads on at the first of the new ones");
  assert.equal(card!.press().defaultPrevented, true);
  await fake.calm();
  assert.equal(page.href, HOME + "#igrajdanin?problem=5");
  widget.destroy();
});

test("another language comes over all cards", async () => {
  await list([{}]);
  await widget.set("lang", "en");
  await fake.answer("?lang=en", { ...CONFIG, categories: [{ code: "roads", name: "Roads", questions: [] }] });
  assert.equal(text(".card .muted"), "Roads · улица Мира · yesterday");
  widget.destroy();
});

test("on a phone filters fold; Escape folds them, the next one is for the dialog", async () => {
  await list([{}], { width: 320, hash: "#igrajdanin?status=new&overdue=true" });
  assert.equal(text(".chosen span"), t.chosen.replace("{what}", `${"Принято"} · ${t.overdue_only}`));
  const pills = () => widget.all(".bar .pill").filter(one => one.querySelector(".chip")).length;
  assert.equal(pills(), 0);
  const fold = () => widget.root.getElementById("fold")!;
  assert.deepEqual([fold().textContent, fold().getAttribute("aria-expanded")], [`${t.filters} (2)`, "false"]);
  const escape = () => {
    const control = widget.find(".bar select, #q")!;
    control.focus();
    return control.act("keydown", { key: "Escape" }).defaultPrevented;
  };
  assert.equal(escape(), false);
  await widget.press(fold());
  assert.equal(fold().getAttribute("aria-expanded"), "true");
  assert.ok(pills() > 4);
  assert.equal(escape(), true);
  await fake.calm();
  await fake.pass(1);
  assert.deepEqual([pills(), widget.focused], [0, "fold"]);
  widget.destroy();
});

const here = { coords: { latitude: 55, longitude: 38 } };
test("a late position joins what was chosen meanwhile, and is taken out again; closed, it is dropped", async () => {
  for (const isClosed of [false, true]) {
    await list([{}], { view: "button" });
    await widget.press(widget.find("#fold"));
    const near = () => widget.all(".pill").find(one => one.textContent === t.near)!;
    const note = () => text(".bar > .note");
    await widget.press(near());
    assert.equal(note(), t.near_locating);
    await widget.press(widget.find(".pill", "Решено"));
    if (isClosed) {
      widget.widget.close();
      await fake.calm();
      assert.equal(page.href, HOME);
      fake.positions.pop()!.tell(here);
      await fake.calm();
      assert.equal(page.href, HOME);
      await widget.open();
      assert.deepEqual([query().get("bbox"), note()], [null, ""]);
    } else {
      fake.positions.pop()!.tell(here);
      await fake.calm();
      assert.deepEqual([query().get("status"), query().get("bbox")], ["done", "37.9843,54.9910,38.0157,55.0090"]);
      assert.deepEqual([near().getAttribute("aria-pressed"), note()], ["true", ""]);
      await widget.press(near());
      assert.deepEqual([query().get("status"), query().get("bbox")], ["done", null]);
      await widget.press(near());
      fake.positions.pop()!.tell(null);
      await fake.calm();
      assert.equal(note(), t.near_failed);
    }
    widget.destroy();
  }
});

test("two days in the wrong order are no question, but said so", async () => {
  await list([{}]);
  await widget.press(widget.find("#fold"));
  const set = async (id: string, value: string) => {
    widget.root.getElementById(id)!.enter(value);
    await fake.calm();
    return [query().get("since"), query().get("until"), text("#days-error")];
  };
  assert.deepEqual(await set("period", "week"), ["2026-11-25", null, ""]);
  assert.deepEqual(await set("period", "own"), ["2026-11-25", null, ""]);
  assert.equal(widget.root.getElementById("until")!.getAttribute("max"), "2026-12-01");
  assert.deepEqual(await set("until", "2026-11-20"), ["2026-11-25", null, t.error_days]);
  assert.deepEqual(await set("period", "month"), ["2026-11-02", null, ""]);
  await set("period", "own");
  assert.deepEqual(await set("until", "2026-11-02"), ["2026-11-02", "2026-11-02", ""]);
  assert.deepEqual(await set("period", "year"), ["2025-12-02", null, ""]);
  await set("period", "own");
  assert.deepEqual(await set("until", "2025-12-01"), ["2025-12-02", null, t.error_days]);
  await widget.press(widget.find(".chosen button"));
  assert.equal(text("#days-error"), "");
  assert.deepEqual(
    widget.all("#sort option").map(one => one.getAttribute("value")),
    ["", "updated", "support", "due"]
  );
  widget.destroy();
});

test("figures say what there is, and nothing where they did not come", async () => {
  const STATS = { total: 9, open: 5, resolved: 3, overdue: 0, median_days: 0, share_resolved: 0.42 };
  const more = { answered: 2, returned: 0, share_in_time: null, rating: { mean: 4.26, count: 7 } };
  const charts = {
    by_month: [
      { month: "2025-12", received: 4, answered: 1 },
      { month: "2026-01", received: 2, answered: 2 },
      { month: "2026-02", received: 0, answered: 0 }
    ],
    by_category: [
      { code: "a", name: "Мало", total: 1, open: 1, resolved: 0 },
      { code: "b", name: "Много", total: 7, open: 4, resolved: 3 }
    ],
    outcomes: { received: 9, published: 7, rejected: 2, merged: 0, withdrawn: 0, rejected_by_reason: { spam: 2 } }
  };
  await list([{}]);
  await fake.answer("/stats?lang=ru", { ...STATS, ...more, ...charts });
  const cells = (selector: string) => widget.all(selector).map(one => words(one.textContent));
  assert.deepEqual(cells(".city-figures > dl dd"), ["5", "3 (42 %)", "0", t.days.many.replace("{n}", "0")]);
  const toggle = () => widget.find(".city-figures .link[aria-expanded]")!;
  assert.equal(toggle().getAttribute("aria-expanded"), "false");
  await widget.press(toggle());
  assert.equal(toggle().getAttribute("aria-expanded"), "true");
  assert.deepEqual(cells(".charts .wide dd"), ["0", words(t.figures_of_five.replace("{n}", "4,3"))]);
  assert.deepEqual(cells(".charts .row > span").slice(0, 5), [
    "декабрь 2025",
    "январь 2026",
    "февраль",
    "Много",
    "Мало"
  ]);
  assert.deepEqual(cells(".charts tbody tr").slice(3), [
    ...["Много743", "Мало110"],
    ...["Опубликовано7", "Отклонено до публикации2", "Спам или реклама2"]
  ]);
  widget.destroy();
  await list([{}]);
  await fake.answer("/stats?lang=ru", { ...STATS, share_resolved: 0 });
  assert.equal(cells(".city-figures > dl dd")[1], "3 (0 %)");
  widget.destroy();
  for (const stats of [{ total: 0, outcomes: { received: 0 } }, null]) {
    await list([{}]);
    if (stats) await fake.answer("/stats?lang=ru", stats);
    else await fake.fail("/stats?lang=ru");
    assert.equal(widget.find(".city-figures"), undefined);
    widget.destroy();
  }
});

test("from a problem one comes back to where the list stood", async () => {
  for (const view of ["inline", "button"]) {
    await list([{}], { view });
    const moves: number[] = [];
    const scrollBy = (_: number, by: number) => moves.push(by);
    Object.assign(globalThis, { scrollBy: (x: number, y: number) => view === "inline" && scrollBy(x, y) });
    Object.assign(widget.find(".sheet")!, { scrollBy: (x: number, y: number) => view !== "inline" && scrollBy(x, y) });
    widget.find(".city")!.box.top = -500;
    await widget.press(widget.find("a.card"));
    const city = widget.root.querySelector(".city")!;
    assert.ok(city.attributes.has("hidden"));
    city.box.top = 20;
    await widget.press(widget.find("header button"));
    await fake.pass(1);
    assert.deepEqual(moves, [520], view);
    assert.equal(widget.focused, "problem-5");
    widget.destroy();
  }
});

test("what a press asked for is waited for, and asked for again where it did not come", async () => {
  await list([{}], { next: "c" });
  const answer = { items: [{ ...PROBLEM, number: 6 }, PROBLEM], next: "c" };
  const asked = () => fake.waiting().filter(path => path.startsWith("/problems"));
  const retry = () => widget.press(widget.find("#list [role=alert] button"));
  await fake.pass(5_010);
  await fake.answer("/problems?", answer);
  await widget.press(widget.find(".news button"));
  // A look at the list comes due meanwhile.
  await fake.pass(5_010);
  assert.deepEqual(asked(), ["/problems?"]);
  await fake.fail("/problems?");
  assert.match(text("#list [role=alert]"), new RegExp(t.list_failed));
  await retry();
  assert.deepEqual(asked(), ["/problems?"]);
  await fake.answer("/problems?", answer);
  await fake.pass(1);
  assert.deepEqual([widget.all("a.card").length, text("#list [role=alert]")], [2, ""]);
  await fake.pass(5_010);
  await fake.answer("/problems?", { ...answer, items: [{ ...PROBLEM, number: 7 }, ...answer.items] });
  await widget.press(widget.find(".news button"));
  await fake.answer("/problems?", { ...answer, items: [{ ...PROBLEM, number: 7 }, ...answer.items] });
  await fake.pass(1);
  assert.equal(widget.focused, "problem-7");
  await widget.press(widget.find("button", t.list_more));
  await fake.fail(/cursor=c$/);
  await retry();
  assert.deepEqual(asked(), ["/problems?&cursor=c"]);
  widget.destroy();
});

test("what is typed when the dialog closes is searched for no more", async () => {
  await list([{}], { view: "button" });
  widget.find("#q")!.enter("яма");
  await fake.calm();
  widget.widget.close();
  await fake.pass(1000);
  assert.deepEqual([page.href, fake.waiting().filter(path => path.includes("q="))], [HOME, []]);
  widget.destroy();
});

test("a page that the service does not know is told to its webmaster, not to the reader", async () => {
  await list([{}]);
  const { error } = console;
  const told: unknown[] = [];
  console.error = text => told.push(text);
  await fake.answer("/challenge&seen", { code: "origin_not_registered", detail: "town.test" }, 403);
  console.error = error;
  assert.equal(told.length, 1);
  assert.match(String(told[0]), /town\.test https:\/\/w\.test\/sites\/new/);
  assert.equal(widget.all("a.card").length, 1);
  widget.destroy();
});
