/**
 * The city's problems in a widget beside a model of them (cityModel.ts), in generated sequences of what people, the
 * service, the network and the browser do. After each act both show the same, ask the same and have the same address.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import ru from "../locales/ru.json";
import { City, Service, type Item } from "./cityModel.ts";
import { HOME, page } from "./fakePage.ts";
import * as fake from "./fakeWidget.ts";
import { generator, SEED } from "./seed.ts";

const SEQUENCES = 60;
const LENGTH = 40;
/** Pixels: below all screens. */
const FAR = 90_000;
const TEXTS = ["яма у школы", "лужа", "яма", "фонарь & провод"];
const { CONFIG, statuses } = fake;
const DAY = "2026-11-30T09:00:00Z";
/** As the API tells a problem. */
const told = (item: Item) => ({
  ...item,
  ...{ description: item.text + "\nподробно", category: "roads", address: "улица Мира", photos: [], timeline: [] },
  ...{ created_at: DAY, updated_at: DAY, answer_due: null, location: null, answer: null, discussion: "off", url: "" }
});
const wire = (body: unknown): unknown => {
  const { items } = body as { items?: Item[] };
  return items ? { ...(body as object), items: items.map(told) } : (body as Item).number ? told(body as Item) : body;
};
const b = ru.browse;
const news = (n: number) =>
  (n === 1 ? b.list_new.one : n < 5 ? b.list_new.few : b.list_new.many).replace("{n}", `${n}`);

let played: string[] = [];
let city: City, service: Service, widget: fake.Mounted, pick: (below: number) => number;

const real = () => {
  const text = (selector: string) => widget.find(selector)?.textContent || "";
  const fold = text("#fold");
  return {
    hash: page.href.slice(HOME.length),
    entries: page.entries.slice(1).map(({ href }) => href.slice(HOME.length)),
    at: page.at - 1,
    asked: fake
      .waiting()
      .filter(path => !path.startsWith("/challenge"))
      .sort(),
    opened: text("#opened").replace(/\D/g, ""),
    state: !widget.find("#opened")
      ? ""
      : widget.find("article [role=alert]")
        ? text("article [role=alert]").trim().replace(b.offline, b.problem_failed)
        : text("article .chips"),
    old: text("article .note"),
    cards: widget.all("a.card").map(one => [one.id, one.querySelector(".chips")!.textContent]),
    typed: widget.root.getElementById("q") && (widget.root.getElementById("q") as unknown as { value: string }).value,
    ...(widget.find("#opened")
      ? {}
      : {
          news: text(".news"),
          notice: text("#list [role=alert]").replace(/\s+/g, " ").trim(),
          panel: text("#list .panel h3"),
          result: text(".found") || text("#list [role=status]"),
          more:
            widget.find("button", b.list_more)?.getAttribute("aria-disabled") ?? !!widget.find("button", b.list_more),
          isStale: !!widget.find(".stale"),
          pause: text(".pause"),
          isChosen: !!widget.find(".chosen"),
          pills: widget.all(".pills[aria-label=Фильтры] button").map(one => one.getAttribute("aria-pressed")),
          fold
        })
  };
};
const expected = (): ReturnType<typeof real> => {
  const { list, problem, opened, filters, question, failed } = city;
  const isWaiting = city.isWaiting;
  const chosen = [filters.status, filters.overdue, filters.q].filter(Boolean).length;
  const isFirst = list.of === null;
  const say = () => {
    if (isFirst) return failed ? "" : b.loading_list;
    if (isWaiting || !city.hasTurned) return "";
    const { length } = list.items;
    if (!length) return b.list_nothing;
    if (list.next) return b.list_first.replace("{n}", String(length));
    return (length === 1 ? b.list_found.one : length < 5 ? b.list_found.few : b.list_found.many).replace(
      "{n}",
      `${length}`
    );
  };
  const chips = ({ status, overdue }: Item) => statuses[status as "accepted"] + (overdue ? b.overdue : "");
  const failure = city.isOnline
    ? `${b.list_failed} ${ru.widget.retry} ${ru.widget.unavailable_link}`
    : list.items.length
      ? b.offline_old
      : b.offline;
  const isGone = opened && opened.error && opened.error.status === 404;
  return {
    hash: city.hash,
    entries: city.entries,
    at: city.at,
    asked: city.asked.map(({ path }) => path).sort(),
    opened: problem ? String(problem) : "",
    state: !opened
      ? ""
      : isGone
        ? b.problem_gone
        : opened.data
          ? chips(opened.data)
          : opened.error
            ? `${b.problem_failed} ${ru.widget.retry} ${ru.widget.unavailable_link}`
            : "",
    old: opened && opened.data && opened.error && !isGone ? b.offline_old : "",
    cards: problem ? [] : list.items.map(one => [`problem-${one.number}`, chips(one)]),
    typed: city.typed,
    ...(problem
      ? {}
      : {
          news: list.fresh ? news(list.fresh) : list.moved ? b.list_changed : "",
          notice: failed ? failure : "",
          panel: isFirst || isWaiting || list.items.length ? "" : question ? b.list_nothing : b.list_empty_title,
          result: say(),
          more: list.next && !isWaiting ? (city.isBusy ? "true" : true) : false,
          isStale: isWaiting && list.items.length > 0,
          isChosen: chosen > 0,
          pause: list.items.length ? (city.isPaused ? b.resume : b.pause) : "",
          pills: [
            ...["new", "working", "done", "closed"].map(group => String(filters.status.split(",").includes(group))),
            String(!!filters.overdue)
          ],
          fold: b.filters + (chosen ? ` (${chosen})` : "")
        })
  } as ReturnType<typeof real>;
};

const isListed = () => !city.problem;
const button = (words: string) => widget.find("button", words);
/** False: not now. */
type Act = () => Promise<unknown> | false;
const answerOne =
  (isGood: boolean): Act =>
  async () => {
    const { asked } = city;
    if (!asked.length) return;
    const pending = asked[pick(asked.length)]!;
    const { path } = pending;
    const body = isGood ? service.answer(path) : undefined;
    const answered = fake.asked(path) || assert.fail(`not asked: ${path}, but ${fake.waiting()}; ${played}`);
    if (!isGood) answered.fail();
    else if (body) answered.answer(wire(body));
    else answered.answer({ status: 404 }, 404);
    await fake.calm();
    city.settle(pending, isGood ? body || { status: 404 } : undefined);
  };
const pill =
  (words: string, change: () => object): Act =>
  () =>
    isListed() && (city.choose(change() as never), widget.press(widget.find(".pill", words)));
const toggle = (list: string, one: string) =>
  list.split(",").includes(one)
    ? list
        .split(",")
        .filter(other => other !== one)
        .join()
    : [list, one].filter(Boolean).join();
const ACTS: Record<string, Act> = {
  answer: answerOne(true),
  "answer again": answerOne(true),
  fail: answerOne(false),
  "a problem comes": async () => {
    const number = (service.items[0]?.number || 0) + 1;
    if (number < 16) service.items.unshift(make(number));
  },
  "a problem changes": async () => {
    const one = service.items[pick(service.items.length || 1)];
    if (one) one.status = one.status === "accepted" ? "resolved" : "accepted";
  },
  "a problem goes": async () => service.items.splice(pick(service.items.length || 1), 1),
  "filter new": pill(statuses.accepted, () => ({ status: toggle(city.filters.status, "new") })),
  "filter done": pill(statuses.resolved, () => ({ status: toggle(city.filters.status, "done") })),
  "filter overdue": pill(b.overdue_only, () => ({ overdue: city.filters.overdue ? "" : "true" })),
  type: () => {
    if (!isListed()) return false;
    const text = [...TEXTS, "", " яма "][pick(TEXTS.length + 2)]!;
    widget.touch();
    widget.find("#q")!.enter(text);
    city.type(text);
    return fake.calm();
  },
  enter: () => {
    if (!isListed()) return false;
    widget.find("#q")!.act("keydown", { key: "Enter" });
    city.type(city.typed, 0);
    return fake.calm();
  },
  escape: () => {
    if (!isListed()) return false;
    const event = widget.find("#q")!.act("keydown", { key: "Escape" });
    assert.equal(event.defaultPrevented, !!city.typed, "Escape is the field's while it holds a text");
    if (city.typed) city.type("", 0);
    return fake.calm();
  },
  clear: () => {
    if (!isListed() || !city.typed) return false;
    city.type("", 0);
    city.focus = "q";
    return widget.press(widget.find(".search button"));
  },
  "reset all": () => {
    const found = widget.find(".chosen button");
    if (!isListed() || !found) return false;
    city.reset(true);
    return widget.press(found);
  },
  "reset the empty list": () => {
    const found = widget.find("#list .panel button");
    if (!isListed() || !found) return false;
    city.reset(false);
    return widget.press(found);
  },
  more: () => isListed() && !!button(b.list_more) && (city.press(1), widget.press(button(b.list_more))),
  "more by keys": () =>
    isListed() && !!button(b.list_more) && (city.press(0), widget.press(button(b.list_more), { detail: 0 })),
  scroll: () => {
    if (!isListed() || !widget.find(".cards[role=list]")) return false;
    city.scroll();
    return lay(700);
  },
  news: () =>
    isListed() && !!widget.find(".news button") && (city.showNews(), widget.press(widget.find(".news button"))),
  retry: () =>
    isListed() &&
    city.isOnline &&
    city.failed &&
    (city.retry(), widget.press(widget.find("#list [role=alert] button"))),
  "retry the problem": () => {
    const found = widget.find("article [role=alert] button");
    if (!city.opened || !found) return false;
    city.opened.retry();
    return widget.press(found);
  },
  pause: () => isListed() && !!widget.find(".pause") && (city.pause(), widget.press(widget.find(".pause"))),
  "press a card": () => {
    const cards = widget.all("a.card");
    const card = cards[pick(cards.length || 1)];
    if (!isListed() || !card) return false;
    city.open(+card.id.slice(8));
    return widget.press(card);
  },
  "back to the list": () => !!city.problem && (city.close(), widget.press(widget.find("header button"))),
  back: () => city.at > 0 && (city.walk(-1), page.go(-1), fake.calm()),
  forward: () => (city.walk(1), page.go(1), fake.calm()),
  connection: () => {
    city.connect(!city.isOnline);
    fake.device.isOnline = city.isOnline;
    page.act(city.isOnline ? "online" : "offline");
    return fake.calm();
  },
  hide: () => {
    page.document.hidden = !city.isHidden;
    city.hide(!city.isHidden);
    page.document.act("visibilitychange");
    return fake.calm();
  },
  "out of sight": () => {
    const isSeen = !!pick(2);
    city.see(isSeen);
    fake.Watch.see(isSeen);
    return fake.calm();
  },
  rest: async () => wait(450),
  wait: async () => wait(5_100),
  "wait long": async () => wait(62_000)
};
const NAMES = Object.keys(ACTS);
/** The browser lays the list out, whose end is so far down; cards that come then are laid out too. */
async function lay(bottom: number): Promise<void> {
  for (let before = 0; ;) {
    const items = widget.all("[role=listitem]");
    if (before === items.length) return;
    before = items.length;
    widget.find(".cards[role=list]")!.box = { top: -100, left: 0, bottom, width: 500, height: 800 };
    for (const one of items) one.box = { ...one.box, height: 100 };
    page.act("scroll");
    await fake.draw();
    bottom = FAR;
  }
}
const wait = (milliseconds: number) => (city.pass(milliseconds), fake.pass(milliseconds));
const make = (number: number): Item => ({
  number,
  ...{ status: pick(2) ? "accepted" : "resolved", overdue: !pick(3), text: TEXTS[pick(TEXTS.length)]!, supporters: 0 }
});

test(`the list shows what is asked for, and asks for what it shows (SEED=${SEED})`, async () => {
  for (let sequence = 0; sequence < SEQUENCES; sequence++) {
    pick = generator(SEED + sequence);
    fake.beginWidgets();
    service = new Service();
    for (let number = pick(4) * 4; number > 0; number--) service.items.push(make(number));
    const before = page.listeners.length;
    widget = await new fake.Mounted({ view: "inline" }).begin();
    await fake.calm();
    await fake.answer("?lang=ru", CONFIG);
    // As wide as filters need to stand in the open, and not yet the map beside.
    widget.find(".city")!.box.width = 700;
    fake.Watch.resize();
    await fake.calm();
    city = new City(fake.clock.time, service);
    played = [];
    const compare = () => {
      const story = `SEED=${SEED + sequence}: ${played.join(", ")}`;
      const [is, shall] = [real(), expected()] as Record<string, unknown>[];
      for (const part in is) assert.deepEqual(is[part], shall![part], `${part}: ${story}`);
      const { focus } = city;
      const isGone = focus?.startsWith("problem-") && !city.list.items.some(one => "problem-" + one.number === focus);
      if (focus !== undefined) assert.equal(widget.focused, isGone ? "title" : focus, "focus: " + story);
    };
    compare();
    for (let step = 0; step < LENGTH; step++) {
      city.focus = undefined;
      const name = NAMES[pick(NAMES.length)]!;
      const act = ACTS[name]!();
      if (act === false) continue;
      played.push(name);
      await act;
      await lay(FAR);
      // What waits for the end of a task comes before any answer. Mostly the service is quick.
      await wait(0);
      if (!name.startsWith("answer") && pick(3)) {
        await ACTS.answer!();
        await lay(FAR);
        played.push("answered");
      }
      await wait(1 + pick(40));
      compare();
    }
    // A frame may still be due.
    page.act("scroll");
    const signals = page.fetches.map(({ signal }) => signal);
    widget.destroy();
    await fake.calm();
    const story = `SEED=${SEED + sequence}: ${played.join(", ")}`;
    assert.ok(
      signals.every(({ aborted }) => aborted),
      "a widget that is gone waits for nothing: " + story
    );
    assert.deepEqual(
      [page.listeners.length, fake.Watch.all.size, fake.frames.size, page.href],
      [before, 0, 0, HOME],
      "left behind: " + story
    );
    await fake.pass(130_000);
    assert.deepEqual([fake.clock.timers.size, fake.waiting(), page.href], [0, [], HOME], "goes on: " + story);
  }
});
