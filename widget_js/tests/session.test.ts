/**
 * Whatever happens to a widget, and in whatever order, the page has its address, history, storage and listeners back
 * when it is closed or gone (fakePage.ts).
 */

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import type { Options } from "../loader/host.ts";
import { calm } from "./clock.ts";
import { FakeElement } from "./fakeDocument.ts";
import { beginPage, HOME, page, START, STATE } from "./fakePage.ts";
import { generator, SEED } from "./seed.ts";

const SEQUENCES = 400;
const LENGTH = 25;

const { Session } = await import("../shared/session.ts");
const { beginAddress } = await import("../browse/address.ts");
const { retrace } = await import("../shared/steps.ts");
const { attend } = await import("../shared/focus.ts");

const options = (changes: Partial<Options> = {}): Options =>
  ({
    key: "wk",
    service: "https://w.test",
    lang: "ru",
    theme: "auto",
    category: "",
    collection: "",
    inline: false,
    extended: true,
    list: true,
    figures: false,
    live: true,
    ...(changes as object)
  }) as Options;

function insert(told: string[]): FakeElement {
  const host = Object.assign(new FakeElement("igrajdanin-widget"), {
    dispatchEvent: (event: { type: string }) => told.push(event.type)
  }) as unknown as FakeElement;
  host.setAttribute("type", "extended");
  page.document.body.append(host);
  return host;
}
function begin(changes: Partial<Options> = {}) {
  const told: string[] = [];
  const host = insert(told);
  const session = new Session(host as never, options(changes));
  const address = beginAddress(session, false);
  page.isOpen = () => session.isVisible;
  const update = (given: Partial<Options> = {}) =>
    session.update(options({ ...changes, live: host.isConnected, ...given }));
  return { session, address, host, told, update };
}

const settle = async () => {
  for (let turn = 0; turn < 4; turn++) {
    await calm();
    page.tasks.splice(0).forEach(task => task());
  }
};
afterEach(() => {
  beginPage();
});

/** What may happen; each by the widget, the person, the network or the page around. */
const STEPS: Record<string, (made: ReturnType<typeof begin>, draw: (below: number) => number) => void> = {
  open: ({ session }) => session.open(),
  "open a problem": ({ session }, draw) => session.open({ view: "list", problem: 1 + draw(3) }),
  close: ({ session }) => session.close(),
  "press a card": ({ session, address }, draw) => session.isOpen && address.openProblem(1 + draw(5)),
  "to the list": ({ address }) => address.shown.problem && address.closeProblem(),
  filter: ({ address }, draw) => address.choose([{}, { status: "new" }, { status: "done" }][draw(3)]!, !draw(2)),
  back: () => page.at > START && page.go(-1),
  "far back": (_, draw) => page.hasKeys && page.at > START && page.go(-1 - draw(page.at - START)),
  forward: () => page.go(1),
  answer: (_, draw) => {
    const [asked] = page.fetches.splice(draw(page.fetches.length || 1), 1);
    if (asked) asked.answer({ categories: [], lang: new URL(asked.path).searchParams.get("lang") });
  },
  fail: (_, draw) => {
    const [asked] = page.fetches.splice(draw(page.fetches.length || 1), 1);
    if (asked) asked.fail();
  },
  retry: ({ session }) => session.retry(),
  "another language": ({ update }, draw) => update({ lang: ["ru", "en"][draw(2)]! }),
  "open for a moment": ({ session }) => {
    session.open();
    session.close();
  },
  move: ({ session, host, update }) => {
    host.remove();
    session.close();
    update();
    page.document.body.append(host);
    update();
  }
};
const NAMES = Object.keys(STEPS);

test(`closed and gone, a widget leaves the page as it was (SEED=${SEED})`, async () => {
  const draw = generator(SEED);
  for (let sequence = 0; sequence < SEQUENCES; sequence++) {
    beginPage();
    page.hasKeys = sequence % 2 > 0;
    const before = page.listeners.length;
    const inline = !draw(4);
    const made = begin({ inline });
    const { session } = made;
    const played = [inline ? "inline" : "dialog"];
    for (let step = 0; step < LENGTH; step++) {
      const name = NAMES[draw(NAMES.length)]!;
      played.push(name);
      const moves = ["back", "far back", "forward", "to the list"].includes(name);
      // A move in the history takes a few milliseconds: neither the person's nor ours meets another one.
      if (moves) await settle();
      STEPS[name]!(made, draw);
      const { config } = session;
      if (moves || draw(3)) await settle();
      const story = `SEED=${SEED}, sequence ${sequence}: ${played.join(", ")}`;
      if (session.config !== config) {
        const { lang } = session.config as never;
        assert.equal(lang, session.options.lang, `a late answer in another language: ${story}`);
      }
      assert.ok(!session.isVisible || !session.closed().aborted, `what is open has ended: ${story}`);
      if (!inline && draw(8) === 0) {
        session.close();
        await settle();
        // The person may have gone forward by themselves to an entry of ours, which is the same page.
        assert.equal(page.href, HOME, story);
        assert.equal(session.closed().aborted, true, story);
      }
    }
    const signal = session.destroyed;
    const asked = page.fetches.slice();
    session.close();
    await settle();
    made.host.remove();
    session.destroy();
    made.address.end();
    await settle();
    const story = `SEED=${SEED}, sequence ${sequence}: ${played.join(", ")}`;
    assert.equal(page.href, HOME, story);
    // Who has gone forward to an entry that a dialog had, which is the same page, stands there; and who has gone back
    // to one of several with one address, where the browser does not tell them apart.
    if (page.hasKeys && !inline && !played.includes("forward")) assert.equal(page.at, START, story);
    assert.equal(page.wasLeft, false, `somebody was led out of the page: ${story}`);
    assert.equal(page.unasked, 0, `entries of what is closed: ${story}`);
    assert.deepEqual([...new Set(page.entries.map(({ state }) => state))], [STATE], story);
    assert.equal(page.listeners.length, before, story);
    assert.equal(signal.aborted, true);
    assert.deepEqual(
      asked.filter(one => !one.signal.aborted).map(one => one.path),
      [],
      story
    );
    const told = made.told.length;
    session.open();
    assert.equal(made.told.length, told, "a widget that is gone opens no more");
  }
});

test("a problem that the page opens before the list comes is shown with it, whatever hash the page has", async () => {
  beginPage();
  page.entries[START]!.href += "#/news";
  const session = new Session(insert([]) as never, options());
  session.open({ view: "list", problem: 7 });
  assert.equal(beginAddress(session, false).shown.problem, 7);
  assert.equal(page.href, HOME + "#/news");
  session.destroy();
  await settle();
});

test("a dialog that was once opened by the way forward is closed by the way back no more than any other", async () => {
  const { session, address } = begin();
  const go = async (by: number) => {
    page.go(by);
    await settle();
    return session.isOpen;
  };
  session.open();
  address.openProblem(3);
  session.close();
  await settle();
  assert.deepEqual([await go(1), await go(1), await go(-1)], [false, true, false]);
  session.open();
  address.closeProblem();
  address.openProblem(4);
  assert.deepEqual([await go(-1), address.shown.problem], [true, undefined]);
  assert.equal(await go(-1), false);
  assert.deepEqual([page.href, page.at], [HOME, START]);
  session.destroy();
});

test("what the person does is noticed as long as one of several widgets is there", () => {
  const before = page.listeners.length;
  const widgets = [attend(), attend()];
  const noticed = page.listeners.length;
  widgets.shift()!();
  assert.equal(page.listeners.length, noticed);
  widgets.push(attend());
  for (const leave of widgets) {
    assert.equal(page.listeners.length, noticed);
    leave();
  }
  assert.equal(page.listeners.length, before);
});

test("of two open dialogs «Назад» closes the upper one, or leads back in it, and both entries go", async () => {
  const [lower, upper] = [begin({ extended: false, list: false }), begin({ extended: false, list: false })];
  const back = async () => {
    page.go(-1);
    await settle();
    return [lower.session.isOpen, upper.session.isOpen, page.at];
  };
  for (const isFirst of [true, false]) {
    const [one, other] = isFirst ? [lower, upper] : [upper, lower];
    one.session.open();
    other.session.open();
    assert.equal(page.at, START + 2);
    let steps = 0;
    other.session.trail.stepBack = () => {
      steps++;
      other.session.trail.stepBack = undefined;
    };
    assert.deepEqual(await back(), [true, true, START + 2], "one view back, and its dialog has an entry again");
    assert.equal(steps, 1);
    assert.deepEqual(await back(), [isFirst, !isFirst, START + 1]);
    assert.deepEqual(await back(), [false, false, START]);
  }
  // Closed and opened again before the history has moved, a dialog gets its entry when it has.
  lower.session.open();
  lower.session.close();
  lower.session.open();
  await settle();
  assert.deepEqual([page.at, page.entries.length, lower.session.isOpen], [START + 1, START + 2, true]);
  lower.session.destroy();
  upper.session.destroy();
  await settle();
  assert.deepEqual([page.at, page.listeners.length], [START, 0]);
});

test("what a page asks for reaches the part that does it, now or when its chunk is here, once", () => {
  const { session } = begin({ inline: true });
  const asked: unknown[] = [];
  const takes = [1, 2].map(number => (part: unknown) => asked.push([number, part]));
  takes.forEach(take => session.whenPart("slow", take));
  let made = 0;
  const part = () => session.part("slow", () => ++made);
  assert.deepEqual([part(), part(), made], [1, 1, 1]);
  assert.deepEqual(asked.splice(0), [
    [1, 1],
    [2, 1]
  ]);
  session.whenPart("slow", takes[0]!);
  assert.deepEqual(asked.splice(0), [[1, 1]]);
  session.part("report", () => ({ prefill: (values: object) => asked.push(values) }));
  const views = [
    [{ category: "roads" }, "report"],
    [{ draft: { description: "Яма" }, category: "roads" }, "report"],
    [{ problem: 7 }, "browse"],
    [{}, "browse"],
    [{ view: "report" }, "report"],
    [undefined, "report"],
    [{ view: "list" }, "browse"]
  ] as const;
  for (const [wish, view] of views) {
    session.open(wish);
    assert.equal(session.view, view, JSON.stringify(wish));
  }
  assert.deepEqual(asked, [{ category: "roads" }, { description: "Яма", category: "roads" }]);
  session.destroy();
});

test("a step is taken back where it led from this very hash, above the dialog's own entry", async () => {
  beginPage();
  const problem = HOME + "#igrajdanin?problem=12";
  const at = (at: number, isHere = true) =>
    ({
      entries: [HOME + " 0", HOME + " 1", problem + " 2", HOME + "#igrajdanin?status=new 3"],
      at,
      hasDialog: true,
      isHere
    }) as never;
  for (const [trail, hash, isTaken] of [
    [at(3), "#igrajdanin?problem=12", true],
    [at(3), "#igrajdanin?problem=1", false],
    [at(3), "", false],
    [at(3, false), "#igrajdanin?problem=12", false],
    [at(2), "", true],
    [at(1), "", false]
  ] as const) {
    assert.equal(retrace(trail, hash), isTaken);
    assert.equal(page.tasks.splice(0).length, +isTaken);
  }
});
