/** One problem in a widget: what is said of it, what can be done with it, and what becomes of lost answers. */

import assert from "node:assert/strict";
import { test } from "node:test";
import ru from "../locales/ru.json";
import { playForm, type Form } from "./emailForm.ts";
import { HOME, page } from "./fakePage.ts";
import * as fake from "./fakeWidget.ts";
import { generator, SEED } from "./seed.ts";

const t = { ...ru.widget, ...ru.browse, ...ru.later };
const PAGE_OF = `${fake.SERVICE}/s/wk/problems/`;
const { CONFIG } = fake;
const DAY = "2026-11-20T09:00:00Z";
const photo = (name: string, alt: string | null = null) => ({ url: name, thumb: name + "?thumb", alt });
const PROBLEM = {
  ...{ number: 5, category: "roads", description: "Яма\nбольшая", address: "улица Мира", location: null, photos: [] },
  ...{ status: "accepted", created_at: DAY, updated_at: DAY, answer_due: null, overdue: false, supporters: 0 },
  ...{ has_answer: false, answered_at: null, kept: null, expected_on: null, timeline: [], answer: null, url: "" },
  ...{ discussion: "off", duplicate_of: null, author: null, responsible: null, source_name: null, source_url: null }
};

let widget: fake.Mounted;
async function open(changes: object = {}, config: object = CONFIG): Promise<void> {
  widget = await new fake.Mounted({ view: "inline" }).begin();
  await fake.calm();
  await fake.answer("?lang=ru", config);
  widget.touch();
  await widget.open({ problem: 5 });
  await fake.answer("/problems/5", { ...PROBLEM, ...changes });
  await fake.pass(1);
}
const words = (text: string) =>
  text
    .replace(/[\u00a0\u202f]/g, " ")
    .replace(/ +/g, " ")
    .trim();
const texts = (selector: string) => widget.all(selector).map(one => words(one.textContent));
const fact = (name: string) => {
  const row = widget.all(".facts div").find(one => one.textContent.startsWith(name));
  return row && words(row.querySelector("dd")!.textContent);
};
const button = (text: string) => widget.find("button", text);
const has = (...names: string[]) => names.map(name => !!button(name));

const late = { kept: false, answer_due: "2026-11-25", answered_at: "2026-11-28T09:00:00Z" };
const answer = {
  ...{ text: "Заделали.", at: DAY, agency: "Дорожная служба", disputed: false, photos: [] },
  documents: [{ name: "акт.pdf", url: "https://w.test/a.pdf", bytes: 2_340_000 }]
};
const entry = (changes: object) => ({
  kind: "status",
  at: DAY,
  status: null,
  label: "?",
  text: null,
  actor: "system",
  ...changes
});
const steps = () => texts(".timeline li span");
/** The service asks for no work. */
const prove = () => fake.answer("/challenge", {}).catch(() => undefined);

test("without the code that sends nothing is sent, and the next press tries again", async () => {
  fake.beginWidgets();
  await open({ photos: [photo("a")] });
  widget.missing.add("discussion");
  await widget.press(widget.find(".shot"));
  assert.equal(widget.all("article [role=alert]").length, 1);
  await widget.press(button(t.support));
  assert.ok(widget.find("article .note", t.not_sent));
  await widget.press(button(t.print));
  assert.equal(fake.device.printed, 1, "as the page stands");
  await widget.press(button(t.follow));
  assert.deepEqual(
    texts("article [role=alert]").map(text => text.includes(t.part_failed)),
    [true, true]
  );
  widget.missing.clear();
  await widget.press(button(t.support));
  await prove();
  await fake.answer("/problems/5/support", { supporters: 1 });
  assert.ok(button(t.voice_given));
  widget.destroy();
});

/** What is told of a problem with these members. */
const TOLD: [members: object, tell: () => unknown, told: unknown][] = [
  [{}, () => fact(t.fact_due), undefined],
  [{ answer_due: "2026-12-10" }, () => fact(t.fact_due), "До 10 декабря"],
  [{ answer_due: "2026-12-10", status: "resolved" }, () => fact(t.fact_due), undefined],
  [{ ...late, kept: true }, () => fact(t.fact_due), "Ответ дан в срок, 28 ноября"],
  [{ ...late, kept: true, answered_at: null }, () => fact(t.fact_due), "Ответ дан в срок, 25 ноября"],
  [{ ...late, answered_at: null }, () => fact(t.fact_due), "Ответ обещали до 25 ноября, его ещё нет"],
  [{ ...late, overdue: true }, () => fact(t.fact_due), "Ответ обещали до 25 ноября, его ещё нет"],
  [late, () => fact(t.fact_due), "Ответ дан 28 ноября, обещали до 25 ноября"],
  [{ ...late, timeline: [entry({ status: "reopened" })] }, () => fact(t.fact_due), "Не все ответы даны в срок"],
  [{}, () => [fact(t.fact_place), fact(t.fact_category), fact(t.fact_author)], ["улица Мира", "Дороги", undefined]],
  [{ address: null }, () => fact(t.fact_place), undefined],
  [
    { source_name: "Платформа", source_url: "https://p.test/9", url: PAGE_OF + 5 },
    () => widget.find(".facts a")!.getAttribute("href"),
    "https://p.test/9"
  ],
  [{ answer }, () => texts(".answer li"), ["акт.pdf 2,3 МБ"]],
  [
    { answer: { ...answer, documents: [{ ...answer.documents[0], bytes: 9_000 }] } },
    () => texts(".answer .hint"),
    ["0,1 МБ"]
  ],
  [{ answer }, () => widget.find(".answer a")!.getAttribute("target"), "_blank"],
  [{ answer }, () => texts(".answer strong"), []],
  [{ answer: { ...answer, disputed: true } }, () => texts(".answer strong"), [t.disputed]],
  // What happened, and what is still to come.
  [
    { timeline: [entry({ kind: "received", actor: "resident" }), entry({ status: "in_progress", actor: "agent" })] },
    () => texts(".timeline .past"),
    [`20 ноября${t.done_received}автор сообщения`, "20 ноябряВ работеАдминистрация"]
  ],
  [
    { timeline: [entry({ label: "Исправлено", text: "Адрес", sender: "МКУ" })] },
    () => texts(".timeline .past").concat(texts(".timeline .text")),
    ["20 ноябряИсправленоМКУАдрес", "Адрес"]
  ],
  [{ answer, timeline: [entry({ status: "answered", text: answer.text })] }, () => texts(".timeline .text"), []],
  [{ answer_due: "2026-12-10" }, steps, ["Администрация ответит"]],
  [{ answer_due: "2026-12-10", source_name: "Платформа" }, steps, ["Платформа ответит"]],
  [{ answer_due: "2026-12-10", has_answer: true }, steps, []],
  [{ answer_due: "2026-12-10", status: "resolved" }, steps, []],
  [{ status: "planned", expected_on: "2026-12-20" }, steps, [t.work_planned]],
  [{ status: "in_progress", expected_on: "2026-12-20" }, steps, []],
  // What can be done.
  [{}, () => has(t.support, t.follow, t.share, t.print), [true, true, true, true]],
  [{ status: "resolved" }, () => has(t.support, t.follow), [false, true]],
  [{ status: "duplicate", duplicate_of: 3 }, () => has(t.support, t.follow), [false, false]],
  [{ supporters: 0 }, () => texts(".note").filter(text => /голос/.test(text)), []],
  [{ supporters: 2 }, () => texts(".note").filter(text => /2/.test(text)).length, 1],
  // Photos: before and after side by side, the rest below, each named.
  [
    { photos: [photo("a", "Яма"), photo("b")] },
    () =>
      widget.all(".shot img").map(one => [one.getAttribute("src"), one.getAttribute("alt"), one.getAttribute("lang")]),
    [
      ["a", "Яма", "ru"],
      ["b", "Фото 2", null]
    ]
  ],
  [
    { photos: [photo("a", "Яма"), photo("b")], answer: { ...answer, photos: [photo("c"), photo("d", "Всё")] } },
    () => [...widget.all(".pair img"), ...widget.all(".shots:last-child img")].map(one => one.getAttribute("alt")),
    ["До: Яма", "После: Фото 1"]
  ],
  [
    { photos: [photo("a"), photo("b"), photo("c")] },
    () => widget.all(".shot img").map(one => one.getAttribute("src")),
    ["a?thumb", "b?thumb", "c?thumb"]
  ]
];

test("what is told of a problem", async () => {
  for (const [members, tell, told] of TOLD) {
    fake.beginWidgets();
    await open(members);
    assert.deepEqual(tell(), told, JSON.stringify(members));
    widget.destroy();
  }
});

test("the place stands on a small map where there are pictures: below, or beside where there is room", async () => {
  const map = {
    center: [55, 38],
    zoom: 12,
    bbox: [37, 54, 39, 56],
    max_zoom: null,
    attribution: null,
    outlined: false
  };
  for (const tiles of [null, "https://w.test/{z}/{x}/{y}"])
    for (const width of [500, 1_000]) {
      fake.beginWidgets();
      await open({ location: { lat: 55, lng: 38 } }, { ...CONFIG, map: { ...map, tiles } });
      widget.find(".opened")!.box.width = width;
      fake.Watch.resize();
      await fake.calm();
      const places = [widget.all(".where").length, widget.all(".facts .where").length];
      assert.deepEqual(places, tiles ? [1, +(width < 900)] : [0, 0], `${tiles} ${width}`);
      widget.destroy();
      await fake.calm();
      assert.equal(fake.Watch.all.size, 0);
    }
});

test(`a voice is given once, whatever is lost or pressed twice (SEED=${SEED})`, async () => {
  for (let round = 0; round < 25; round++) {
    const pick = generator(SEED + round);
    fake.beginWidgets();
    await open();
    let isGiven = false,
      isBusy = false,
      isRenewed = false,
      text = "",
      voices = 0;
    const supporters = new Set<unknown>();
    let story = `SEED=${SEED + round}`;
    for (let step = 0; step < 14; step++) {
      const act = ["press", "press", "answer", "reopen", "ticket"][pick(5)]!;
      story += `, ${act}`;
      if (act === "press") {
        await widget.press(button(isGiven ? t.voice_given : t.support));
        if (!isGiven && !isBusy) {
          isBusy = true;
          isRenewed = false;
          text = t.sending;
        }
      } else if (act === "reopen" && !isBusy) {
        await widget.press(widget.find("header button"));
        await fake.pass(1);
        await widget.open({ problem: 5 });
        await fake.answer("/problems/5", { ...PROBLEM, supporters: voices });
        text = "";
      } else if (isBusy && act === "ticket") {
        // It was spent: another one is asked for, once.
        await fake.answer("/problems/5/support", { detail: "Ещё раз" }, 403);
        if (isRenewed) [isBusy, text] = [false, "Ещё раз"];
        isRenewed = true;
      } else if (isBusy && act === "answer") {
        const how = pick(3);
        const post = fake.asked("/problems/5/support") || assert.fail("not sent: " + story);
        supporters.add((post.body as { supporter: string }).supporter);
        isBusy = false;
        if (how === 0) {
          post.fail();
          text = t.not_sent;
        } else if (how === 1) {
          post.answer({ detail: "Слишком много" }, 429);
          text = "Слишком много";
        } else {
          isGiven = true;
          post.answer({ supporters: (voices = 3) });
          text = t.voice_counted;
        }
        await fake.calm();
      }
      await prove();
      const pressed = button(isGiven ? t.voice_given : t.support);
      assert.ok(pressed, story);
      assert.equal(pressed.getAttribute("aria-disabled"), isBusy || isGiven ? "true" : null, story);
      assert.equal(texts("article [role=status]").slice(2, 3)[0], text, story);
      assert.equal(
        texts("article .note").some(one => one.includes("3")),
        voices > 0,
        story
      );
      assert.equal(fake.waiting().filter(one => one.endsWith("support")).length, +isBusy, story);
    }
    assert.ok(supporters.size < 2, "one browser, one voice: " + story);
    widget.destroy();
  }
});

const COMMENT: Form = {
  ...{ id: "comment", path: "/problems/5/comments", refusal: t.comment_consent, sent: t.comment_sent },
  texts: {
    text: [
      [" Тоже так ", undefined],
      ["  ав ", t.error_comment],
      ["😀", t.error_comment],
      ["", t.error_comment],
      ["я".repeat(2_003), t.error_description_long.replace("{n}", "3")]
    ],
    name: [
      [" Анна ", undefined],
      ["  ", t.error_name],
      ["", t.error_name]
    ]
  },
  ticks: { publish: undefined },
  body: ({ name, text }) => ({ name: name!.trim(), text: text!.trim() })
};
const FOLLOW: Form = {
  ...{ id: "follow", path: "/problems/5/follow", refusal: t.follow_consent, sent: t.follow_sent },
  ...{ texts: {}, ticks: {}, body: () => ({}) }
};

test(`a letter and a comment say what is missing, and go once (SEED=${SEED})`, async () => {
  for (let round = 0; round < 16; round++) {
    fake.beginWidgets();
    const pick = generator(SEED + round);
    const isComment = round % 2 > 0;
    await open({ discussion: "moderated" });
    await fake.answer("/problems/5/comments", { items: [], next: null });
    const opener = button(isComment ? t.comment_write : t.follow)!;
    await widget.press(opener);
    await fake.pass(1);
    assert.equal(widget.focused, isComment ? "comment-text" : "follow-email");
    if (!isComment) assert.equal(opener.getAttribute("aria-expanded"), "true");
    // The work for the ticket begins while one types.
    await fake.answer("/challenge", {});
    await playForm(
      widget,
      isComment ? COMMENT : FOLLOW,
      pick,
      `SEED=${SEED + round}: ${isComment ? "comment" : "follow"}`
    );
    widget.destroy();
  }
});

test(`comments come page after page, each once (SEED=${SEED})`, async () => {
  for (let round = 0; round < 25; round++) {
    const pick = generator(SEED + round);
    fake.beginWidgets();
    const all = Array.from({ length: pick(6) }, (_, at) => ({
      ...{ text: "слово " + at, at: DAY, official: !pick(3), name: "Анна", agency: "Дорожная служба" }
    }));
    await open({ discussion: "moderated", duplicate_of: pick(2) ? 3 : null });
    let known = 0,
      isLoaded = false,
      hasFailed = false,
      story = `SEED=${SEED + round}`;
    const path = () => "/problems/5/comments" + (known ? `?cursor=c%26${known}` : "");
    for (let step = 0; step < 14; step++) {
      const act = ["answer", "answer", "fail", "more", "twice", "retry"][pick(6)]!;
      story += `, ${act}`;
      const isAsked = fake.waiting().some(one => one.includes("/comments"));
      if (isAsked && act === "fail") {
        while (fake.waiting().includes(path())) await fake.fail(path());
        hasFailed = true;
      } else if (isAsked && act === "answer") {
        const items = all.slice(known, known + 2);
        const next = all.length > known + 2 ? `c&${known + 2}` : null;
        const [before, asked] = [known, path()];
        known += items.length;
        hasFailed = false;
        // Pressed twice, it asks twice for the same.
        for (let times = 0; times < 3; times++) await fake.answer(asked, { items, next }).catch(() => undefined);
        await fake.pass(1);
        if (isLoaded && items.length) assert.equal(widget.focused, `comment-${before}`, story);
        isLoaded = true;
      } else if (!isAsked && (act === "more" || act === "twice") && button(t.comments_more)) {
        await widget.press(button(t.comments_more));
        if (act === "twice" && button(t.comments_more)) await widget.press(button(t.comments_more));
        assert.ok(fake.waiting().includes(path()), story);
      } else if (act === "retry" && hasFailed) {
        await widget.press(widget.find(".comments [role=alert] button"));
        await fake.pass(1);
        hasFailed = false;
        assert.equal(widget.focused, "comments", story);
        assert.ok(fake.waiting().includes(path()), story);
      }
      assert.deepEqual(
        texts(".comment .text").concat(texts(".comment strong")),
        [
          ...all.slice(0, known).map(({ text }) => text),
          ...all.slice(0, known).map(one => (one.official ? one.agency : one.name))
        ],
        story
      );
      assert.equal(!!widget.find(".comments .muted", t.comments_none), isLoaded && !all.length, story);
      assert.equal(!!widget.find(".comments [role=alert]"), hasFailed, story);
      const isWhole = known >= all.length;
      assert.equal(!!button(t.comments_more), isLoaded && !isWhole && !hasFailed, story);
      assert.equal(!!button(t.comment_write), !widget.find(".notice", t.merged), story);
    }
    widget.destroy();
  }
});

test("a merged problem leads to the one it was merged with; with a key the browser goes there itself", async () => {
  fake.beginWidgets();
  await open({ duplicate_of: 3 });
  const link = widget.find(".notice a")!;
  assert.equal(link.getAttribute("href"), PAGE_OF + 3);
  for (const key of ["ctrlKey", "metaKey", "shiftKey", "altKey"])
    assert.equal(link.press({ [key]: true }).defaultPrevented, false, key);
  assert.equal(link.press().defaultPrevented, true);
  await fake.calm();
  assert.equal(page.href, HOME + "#igrajdanin?problem=3");
  assert.ok(fake.waiting().includes("/problems/3"));
  widget.destroy();
});

test("its page is shared, copied and printed, and nothing of it stays", async () => {
  fake.beginWidgets();
  await open({ url: PAGE_OF + 5 });
  await widget.press(button(t.share));
  assert.deepEqual(fake.device.copied, [PAGE_OF + 5]);
  assert.ok(button(t.copied));
  button(t.copied)!.act("blur");
  await fake.calm();
  assert.ok(button(t.share));
  const clipboard = navigator.clipboard as unknown as { writeText: () => Promise<void> };
  const { writeText } = clipboard;
  const share = async (name: string) => {
    clipboard.writeText = () => Promise.reject(Object.assign(new Error(), { name }));
    await widget.press(button(t.share));
    await fake.pass(1);
    return widget.root.getElementById("copy") as unknown as { value: string } | null;
  };
  assert.equal(await share("AbortError"), null);
  assert.equal((await share("NotAllowedError"))!.value, PAGE_OF + 5);
  assert.equal(widget.focused, "copy");
  Object.assign(clipboard, { writeText });

  const sheets = (page.document.adoptedStyleSheets = ["host"]);
  const printing = globalThis as unknown as { print: () => void };
  const { print } = printing;
  let seen: unknown[] = [];
  printing.print = () => void (seen = [page.document.adoptedStyleSheets.length, texts("article .printed")[0]]);
  await widget.press(button(t.print));
  assert.deepEqual(seen, [2, `Администрация\n${PAGE_OF}5\n${t.printed.replace("{date}", "1 декабря 2026")}`]);
  assert.deepEqual([page.document.adoptedStyleSheets, texts("article .printed")], [sheets, []]);
  printing.print = print;
  widget.destroy();
});

test("photos are looked at one by one, to either end", async () => {
  const three = { photos: [photo("a"), photo("b")], answer: { ...answer, photos: [photo("c")] } };
  for (const direction of ["ltr", "rtl"]) {
    fake.beginWidgets();
    fake.device.style.direction = direction;
    await open(three);
    const ahead = direction === "rtl" ? -1 : 1;
    await widget.press(widget.all(".shot")[2]);
    const stage = () => widget.find(".stage")!;
    const shown = () => stage().querySelector("img")!.getAttribute("src");
    // Before and after first: what was pressed is the second photo.
    assert.equal(shown(), "b");
    let at = 1;
    const acts: [act: () => { defaultPrevented: boolean } | void, to: number][] = [
      [() => widget.find(".viewer")!.act("keydown", { key: "ArrowRight" }), 1 * ahead],
      [() => widget.find(".viewer")!.act("keydown", { key: "ArrowRight" }), 1 * ahead],
      [() => widget.find(".viewer")!.act("keydown", { key: "ArrowLeft" }), -1 * ahead],
      [() => widget.find(".viewer")!.act("keydown", { key: "End" }), 9],
      [() => widget.find(".viewer")!.act("keydown", { key: "Home" }), -9],
      [
        () => {
          stage().act("pointerdown", { clientX: 200 });
          stage().act("pointerup", { clientX: 150 });
        },
        ahead
      ],
      [
        () => {
          stage().act("pointerdown", { clientX: 200 });
          stage().act("pointerup", { clientX: 170 });
        },
        0
      ],
      [() => void button("")!, 0]
    ];
    for (const [act, by] of acts) {
      const event = act();
      if (event) assert.equal(event.defaultPrevented, true);
      at = Math.max(0, Math.min(2, at + by));
      await fake.calm();
      assert.equal(shown(), "abc"[at], `${direction} ${by}`);
      assert.ok(texts("#shown")[0]!.startsWith(t.photo_of.replace("{n}", `${at + 1}`).replace("{of}", "3")));
      const ends = widget.all(".viewer .bar button[aria-disabled]").map(one => one.getAttribute("aria-label"));
      assert.deepEqual(ends, at === 0 ? [t.photo_previous] : at === 2 ? [t.photo_next] : []);
    }
    widget.find(".viewer button")!.press();
    await fake.calm();
    assert.equal(widget.find(".viewer"), undefined);
    widget.destroy();
  }
  fake.device.style.direction = "ltr";
});
