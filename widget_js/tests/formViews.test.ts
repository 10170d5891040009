/**
 * The report's views, act by act: what each act of the person, the network or the clock adds and takes away, asks for,
 * and where it leads the focus. `UPDATE_RECORDED=1` writes formViews.txt anew; read the difference as a person would.
 */

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { after, test } from "node:test";
import { createPhotos } from "../report/photos/attachments.ts";
import { Form as ReportForm } from "../report/form.tsx";
import { Mine } from "../report/mine/mine.tsx";
import type { ComponentType } from "preact";
import type { Language } from "../shared/i18n.ts";
import type { Values } from "../report/values.ts";
import { calm } from "./clock.ts";
import { world, Widget, Page } from "./fakeBrowser.ts";
import { bringChunks, CONFIG, keys, missing, Screen, type Setup } from "./screen.ts";

/** Screen tells it whether it is shown. */
const Form = ReportForm as ComponentType<any>;
const FILE = new URL("formViews.txt", import.meta.url);
const recorded = readFileSync(FILE, "utf8");
const stories: Record<string, string[]> = {};
after(() => {
  if (process.env.UPDATE_RECORDED)
    writeFileSync(
      FILE,
      Object.entries(stories)
        .map(([name, lines]) => `# ${name}\n${lines.join("\n")}\n`)
        .join("\n")
    );
});

const NARROW = 400,
  WIDE = 800;
/** How the form looks while nothing was said: by width and step. */
const bases: Record<number, string[][]> = {};
async function baseOf(width: number): Promise<string[][]> {
  const all: string[][] = [];
  for (let step = 0; step < 4; step++) {
    const screen = new Screen(Form, { step, width });
    await screen.open();
    all.push(screen.shown);
    await screen.end();
  }
  return all;
}

/** One story; at its end nothing may listen, wait or hold on. */
function story(
  name: string,
  setup: Setup,
  tell: (screen: Screen) => Promise<unknown>,
  view = Form as ComponentType,
  isBase = false
): void {
  test(name, async () => {
    const width = setup.width || NARROW;
    if (!isBase) bases[width] ||= await baseOf(width);
    const screen = new Screen(view, { width, ...setup }, isBase || view !== Form ? [] : bases[width]);
    try {
      await screen.open();
      await tell(screen);
    } finally {
      stories[name] = screen.story;
      assert.deepEqual(await screen.end(), [], "stays");
    }
    if (process.env.UPDATE_RECORDED) return;
    const [, agreed = ""] = recorded.split(`# ${name}\n`);
    assert.deepEqual(screen.story, agreed.split("\n\n# ")[0]!.trimEnd().split("\n"));
  });
}

const WHOLE: Partial<Values> = { category: "roads", description: "Яма", address: "Мира, 5", consent: true };
const HERE = { coords: { latitude: 55, longitude: 38, accuracy: 20.4 } };
const [roads, lights, snow] = CONFIG.categories as [any, any, any];
const question = (code: string, datatype: string, count = 0, required = false) => ({
  ...{ code, datatype, required, description: `Вопрос ${code}`, hint: required ? "Подсказка" : null },
  values: Array.from({ length: count }, (_, index) => ({ key: `${code}${index}`, name: `${code} ${index}` }))
});
const photo = (bytes = 5, more: object = {}) =>
  Object.assign(new Blob([" ".repeat(bytes)], { type: "image/jpeg" }), { lastModified: 1e12, ...more });
const phone = { media: "(pointer: coarse)" };

// Before it was here once.
story(
  "the code of the map does not come",
  { step: 2 },
  async screen => {
    missing.add("map");
    await screen.press("map");
    missing.delete("map");
    // Before the press: how long a module takes to load is nobody's to tell.
    await bringChunks("map", "later");
    await screen.act("it can come", () => undefined);
    await screen.press("map");
  },
  Form,
  true
);

story(
  "the code of the photos does not come",
  { step: 1, before: () => void missing.add("photos") },
  async screen => {
    await screen.see();
    missing.delete("photos");
    await bringChunks("photos", "later");
  },
  Form,
  true
);

test("all chunks are here from now on", async () =>
  void (await bringChunks("photos", "later", "mine", "map", "discussion")));

for (const width of [NARROW, WIDE])
  for (const step of width === NARROW ? [0, 1, 2, 3] : [0])
    story(`the form, ${width} px wide, step ${step}`, { width, step }, async () => undefined, Form, true);

// --- the category ---

const many = Array.from({ length: 9 }, (_, index) => ({
  ...roads,
  code: "c" + index,
  name: "Тема " + index,
  words: ""
}));
story("a topic is looked for among many", { config: { categories: [...many, lights] } }, async screen => {
  await screen.choose("Тема 1", 0);
  await screen.type("search", "Елочки и игрушки");
  await screen.type("search", "жираф");
  await screen.type("search", "к");
  await screen.type("search", "игр");
  await screen.choose("Тема 0");
});

story("few topics need no search", { config: { categories: many.slice(1) } }, screen => screen.submit());

const notice = [["Звоните "], ["112", "tel:112"], ["или", "javascript:alert()"]];
story(
  "a press of the topic leads on, unless its notice is to be read",
  { config: { categories: [{ ...roads, notice_parts: notice }, lights] } },
  async screen => {
    await screen.choose("Дороги", 0);
    await screen.choose("Дороги");
    await screen.press("back");
    await screen.choose("Фонари");
  }
);

// --- the description, its questions ---

story("characters are counted as people count them", { step: 1 }, async screen => {
  await screen.type("description", "😀".repeat(20));
  await screen.type("description", "😀".repeat(21));
  await screen.type("description", "😀".repeat(40));
  await screen.type("description", "😀".repeat(42));
  await screen.submit();
  await screen.type("description", "");
  await screen.type("description", "я ");
  await screen.submit();
});

const questions = [
  question("few", "singlevaluelist", 6, true),
  question("long", "singlevaluelist", 7, true),
  question("many", "multivaluelist", 3),
  question("when", "datetime"),
  question("count", "number"),
  question("words", "text"),
  question("line", "string")
];
const asking = { categories: [{ ...roads, questions, photo_required: true }, lights, snow] };
story("questions of a topic", { config: asking, values: { category: "roads" }, step: 1 }, async screen => {
  await screen.submit();
  await screen.choose("few 2", 0);
  await screen.choose("many 1");
  await screen.choose("many 2");
  await screen.choose("many 1");
  await screen.type("answers.long", "long3");
  await screen.type("answers.count", "много");
  await screen.type("answers.when", "2026-12-01T10:00");
  await screen.type("answers.line", "Слова");
  await screen.type("description", "Яма");
  await screen.submit();
  await screen.type("answers.count", "1,5");
  await screen.act("go to the review", () => screen.report.go(3));
  await screen.press("edit: Вопрос many");
  await screen.act("go to the review", () => screen.report.go(3));
  await screen.press("edit: review_photos");
});

story("contacts are moved out of the text, and back", { step: 1 }, async screen => {
  await screen.type("description", "Звоните +7 900 123-45-67");
  await screen.press("privacy");
  await screen.press("privacy");
  await screen.press("privacy");
  await screen.type("description", "Звоните");
  await screen.act("have a number", () => screen.report.set({ phone: "1", description: "Звоните +7 900 123-45-67" }));
  await screen.act("have none", () => screen.report.set({ phone: "" }));
});

// --- the place ---

story("the device tells the place", { step: 2 }, async screen => {
  await screen.press("locate");
  await screen.act("found", () => world.positions[0]!.tell(HERE));
  await screen.pass(700);
  await screen.answer("/place", { inside: true, detail: null, other: null });
  await screen.answer("/addresses", { items: [{ text: "Мира, 7", lat: 55, lng: 38 }] });
  await screen.press("locate");
  await screen.act("refused", () => world.positions[0]!.tell(null));
  await screen.type("address", "Мира, 8");
});

story("what the service says of a place", { step: 2, values: { coordinates: "55, 38" } }, async screen => {
  await screen.pass(699);
  await screen.pass(1);
  await screen.answer("/place", { inside: false, detail: "Чужое", other: { agency: "Сосед", url: "https://n.test" } });
  await screen.answer("/addresses", { items: [] });
  await screen.act("another place", () => screen.report.put({ lat: 56, lng: 38 }));
  await screen.pass(700);
  await screen.answer("/place", { inside: false, detail: "Общее", other: null, receiver: "Область", track: "Срок" });
  await screen.act("no place", () => screen.report.put(null));
  await screen.act("hidden", () => screen.draw({ visible: false }));
  await screen.act("a place", () => screen.report.put({ lat: 1, lng: 2 }));
  await screen.pass(700);
  await screen.act("visible", () => screen.draw({ visible: true }));
  await screen.pass(700);
  await screen.fail("/place");
});

story("a page of plain http has no device's place", { step: 2, isPlain: true }, async () => undefined);
story("the device is outside", { step: 2 }, async screen => {
  await screen.press("locate");
  await screen.act("found", () =>
    world.positions[0]!.tell({ coords: { latitude: 56, longitude: 36, accuracy: 5000 } })
  );
  await screen.pass(700);
  await screen.answer("/place", { inside: false, detail: "Далеко", other: null });
  await screen.act("close the map", () => screen.root.getElementById("Picker")!.press());
  await screen.act("a pin by hand", () => screen.report.put({ lat: 56, lng: 38 }));
  await screen.pass(700);
  await screen.answer("/place", { inside: false, detail: "Далеко", other: null });
  await screen.press("locate");
  await screen.act("found", () =>
    world.positions[0]!.tell({ coords: { latitude: 55.001, longitude: 38, accuracy: 5 } })
  );
  await screen.pass(700);
  await screen.answer("/place", { inside: false, detail: "Далеко", other: null });
});

for (const [where, answer] of [
  ["at a neighbour's", { inside: false, detail: "Рядом", other: { agency: "Сосед", url: "https://n.test" } }],
  ["inside", { inside: true, detail: null, other: null }]
] as const)
  story(`the device is ${where}`, { step: 2 }, async screen => {
    await screen.press("locate");
    await screen.act("found", () => world.positions[0]!.tell(HERE));
    await screen.pass(700);
    await screen.answer("/place", answer);
  });

story("the map", { step: 2 }, async screen => {
  await screen.act("a place of a photo", () => screen.report.set({ photoPlace: { lat: 55, lng: 38 } }));
  await screen.press("photo_place");
  await screen.press("map");
  await screen.act("put", () => screen.root.getElementById("Picker")!.act("put", { place: { lat: 1, lng: 2 } }));
  await screen.act("parse", () => screen.root.getElementById("Picker")!.act("parse", { text: "55,5; 38,5" }));
  await screen.act("take away", () => screen.root.getElementById("Picker")!.act("put", { place: null }));
  await screen.act("another language", () =>
    screen.draw({ language: { ...screen.site.language, lang: "en" }, options: { ...screen.site.options, lang: "en" } })
  );
  await screen.act("close the map", () => screen.root.getElementById("Picker")!.press());
});

// --- the address ---

const houses = ["Мира, 5", "Мира, 7", "улица Мира"].map((text, index) => ({ text, lat: 55 + index, lng: 38 }));
story("an address is chosen by keys and by press", { step: 2 }, async screen => {
  await screen.focus("address");
  await screen.fire("address", "keydown", { key: "ArrowDown" });
  await screen.type("address", " М ");
  await screen.type("address", "Ми р&");
  await screen.pass(199);
  await screen.type("address", "Мира");
  await screen.pass(200);
  await screen.answer("/addresses", { items: houses });
  await screen.fire("address", "keydown", { key: "Enter" });
  await screen.fire("address", "keydown", { key: "ArrowUp" });
  await screen.fire("address", "keydown", { key: "ArrowDown" });
  await screen.fire("address", "keydown", { key: "ArrowUp" });
  await screen.fire("address", "keydown", { key: "ArrowDown" });
  await screen.fire("address", "keydown", { key: "ArrowDown", shiftKey: true });
  await screen.fire("address", "keydown", { key: "ArrowDown", isComposing: true });
  await screen.fire("address", "keydown", { key: "ArrowDown" });
  await screen.fire("addresses", "mousedown");
  await screen.type("address", "Мира,");
  await screen.pass(200);
  await screen.answer("/addresses", { items: houses.slice(1) });
  await screen.fire("address", "keydown", { key: "Escape" });
  await screen.fire("address", "keydown", { key: "Escape" });
  await screen.fire("address", "keydown", { key: "ArrowDown" });
  await screen.pass(200);
  await screen.answer("/addresses", { items: houses });
  await screen.fire("address", "keydown", { key: "ArrowUp" });
  await screen.fire("address", "keydown", { key: "Enter" });
  await screen.type("address", "улица Мира, 5");
  await screen.pass(200);
  await screen.answer("/addresses", { items: [houses[0]] });
  await screen.fire("address-0", "click");
  await screen.act("the draft", () => screen.story.push(JSON.stringify(screen.report.draft.values.house)));
  await screen.type("address", "Мира, 5, у арки");
  await screen.type("address", "Мира, 55");
  await screen.pass(200);
  await screen.answer("/addresses", { items: houses });
  await screen.act("leave", () => screen.root.getElementById("address")!.act("blur"));
  await screen.type("address", "x".repeat(201));
});

story("an address that was typed before its code came", { step: 2, values: { address: "Мира" } }, async screen => {
  await screen.focus("address");
  await screen.act("the next language", () => screen.draw({ visible: true }));
});

story("an address that was typed with a slip", { step: 2, values: WHOLE, width: WIDE }, async screen => {
  await screen.type("address", "Мра, 5");
  await screen.pass(200);
  await screen.answer("/addresses", { items: houses });
  await screen.pass(700);
  await screen.act("leave", () => screen.root.getElementById("address")!.act("blur"));
  await screen.pass(700);
  await screen.answer("/addresses", { items: houses });
  await screen.press("Мира, 5");
  await screen.act("the draft", () => screen.story.push(JSON.stringify(screen.report.draft.values.house)));
});
for (const [what, text, items] of [
  ["is a street alone", "Мра", houses.slice(2)],
  ["has words after the house", "Мира, 5, у арки", houses],
  ["has another number", "Мра, 7", houses],
  ["is known to nobody", "Мра, 5", []]
] as const)
  story(`what was typed ${what}`, { step: 2, values: { address: text } }, async screen => {
    await screen.pass(700);
    await screen.answer("/addresses", { items });
  });
story("the page's own address", { step: 2, data: { address: "Мра, 5" } }, screen => screen.pass(700));
story("an address with a slip is told before it is sent", { step: 3, values: WHOLE }, async screen => {
  await screen.pass(700);
  await screen.answer("/addresses", { items: [{ ...houses[0]!, text: "улица Мира, 5" }] });
  await screen.press("улица Мира, 5");
});

story(
  "the pin names a house, until it is told otherwise",
  { step: 2, data: { lat: "55", lng: "38" } },
  async screen => {
    await screen.pass(700);
    await screen.act("a pin", () => screen.report.put({ lat: 1, lng: 2 }));
    await screen.pass(700);
    await screen.answer("/addresses", { items: [houses[0]] });
    await screen.act("another pin", () => screen.report.put({ lat: 3, lng: 2 }));
    await screen.pass(700);
    await screen.answer("/addresses", { items: [] });
    await screen.act("not exactly", () => screen.report.put({ lat: 4, lng: 2 }, { state: "found", accuracy: 101 }));
    await screen.pass(700);
    await screen.act("exactly", () => screen.report.put({ lat: 4, lng: 2 }, { state: "found", accuracy: 100 }));
    await screen.pass(700);
    await screen.answer("/addresses", { items: [houses[1]] });
    await screen.type("address", "");
  }
);

// --- similar problems ---

const near = [1, 2].map(number => ({
  ...{ number, description: `Яма ${number}`, distance: number * 10 - 10, status: "open", created_at: "2026-12-01" },
  photos: number === 1 ? [{ small: "s.jpg", thumb: "t.jpg" }] : [{ small: null, thumb: "t.jpg" }]
}));
story("somebody supports what is known", { step: 2, values: { ...WHOLE, coordinates: "1, 2" } }, async screen => {
  await screen.pass(700);
  await screen.answer("/similar", { items: near });
  const press = (index: number) =>
    screen.act(`press ${index}`, () =>
      screen.root
        .all()
        .filter(one => /^(same|sending)$/.test(one.textContent.trim()) && one.localName === "button")
        [index]!.click()
    );
  await press(0);
  await press(1);
  await screen.fail("/problems/1/support", 422, { detail: "Нельзя" });
  await press(1);
  await screen.fail("/problems/2/support");
  await press(1);
  await screen.answer("/problems/2/support", { supporters: 2 });
  await screen.press("follow");
  await screen.press("supported_back");
  await screen.pass(700);
  // Only the other one takes a voice.
  await screen.answer("/similar", { items: near });
  await press(0);
  await screen.answer("/problems/1/support", { supporters: 2 });
  await screen.press("supported_done");
});

for (const inline of [false, true])
  story(
    `who gave an address follows what was supported${inline ? ", in the page" : ""}`,
    { step: 2, values: { ...WHOLE, email: "a@b.test", coordinates: "1, 2" }, options: { inline } },
    async screen => {
      await screen.pass(700);
      await screen.answer("/similar", { items: near });
      await screen.press("same");
      await screen.answer("/problems/1/support", { supporters: 2 });
      await screen.press("supported_done");
    }
  );

story("without a topic nothing is similar", { step: 2, values: { coordinates: "1, 2" } }, screen => screen.pass(700));

// --- photos ---

story("photos on their way", { step: 1, ...phone }, async screen => {
  await screen.see();
  await screen.see();
  await screen.files(photo(1, { name: "a.jpg" }), new File(["1"], "a.pdf", { type: "application/pdf" }), photo(2));
  await screen.act("small", () => world.pictures[0]!.end());
  await screen.act("half", () => world.uploads[0]!.progress());
  await screen.act("there", () => world.uploads[0]!.answer(201, { photo: "t", thumb: "t.jpg" }));
  await screen.act("small", () => world.pictures[0]!.end());
  await screen.act("offline", () => world.uploads[0]!.answer(0));
  const control = (index: number, end = "") => `photos.${screen.widget.queue.photos[index]!.id}${end}`;
  await screen.type(control(0, "-alt"), "Яма ");
  await screen.press(control(1, "-again"));
  await screen.act("refused", () => world.uploads[0]!.answer(503, { code: "photos_paused", detail: "Нет места" }));
  await screen.files(photo(3), photo(4));
  await screen.act("small", () => world.pictures[0]!.end());
  await screen.act("server", () => world.uploads[0]!.answer(500));
  await screen.act("offline, then there", () => screen.page.window.act("online"));
  await screen.act("refused", () => world.uploads[0]!.answer(415, { detail: "Не снимок" }));
  await screen.press(control(1));
  await screen.press(control(0));
});

story("files that are dropped and pasted", { step: 1 }, async screen => {
  await screen.see();
  const text = { dataTransfer: { files: [], types: ["text/plain"] } };
  await screen.fire("", "drop", text);
  await screen.fire("", "dragover", { dataTransfer: { files: [photo()], types: ["Files"] } });
  await screen.fire("", "drop", { dataTransfer: { files: [photo()], types: ["Files"] } });
  await screen.fire("", "paste", { clipboardData: { files: [photo(2)], types: ["Files"] } });
  await screen.focus("photos." + screen.widget.queue.photos[0]!.id);
  await screen.act("another language", () => screen.draw({ language: { ...screen.site.language, lang: "en" } }));
});

for (const answer of ["yes", "no", "denied", "gone"])
  story(
    `the place is offered after a photo was taken: ${answer}`,
    {
      ...{ step: 1, ...phone, config: { map: { center: [57, 179] } } },
      navigator: { permissions: { query: async () => ({ state: answer === "denied" ? "denied" : "prompt" }) } }
    },
    async screen => {
      await screen.see();
      await screen.files(photo(1, { lastModified: 1e12 - 60_000 }));
      await screen.act("small", () => world.pictures[0]!.end());
      await screen.files(photo(2, { lastModified: 1e12 - 59_000 }));
      await screen.act("small", () => world.pictures[0]!.end());
      if (answer === "denied") return;
      await screen.press(answer === "no" ? "here_no" : "here_yes");
      if (answer === "no") return screen.files(photo(3));
      if (answer === "gone") return screen.act("refused", () => world.positions[0]!.tell(null));
      await screen.act("found", () =>
        world.positions[0]!.tell({ coords: { latitude: 57, longitude: -179, accuracy: 9 } })
      );
      await screen.pass(700);
      await screen.answer("/place", { inside: false, detail: null, other: null });
    }
  );

story("pictures that no storage takes", { step: 1 }, async screen => {
  await screen.see();
  world.databases.isForbidden = true;
  await screen.files(photo());
  await screen.act("small", () => world.pictures[0]!.end());
  await screen.act("broken", () => screen.root.querySelector("img")!.act("error"));
  await screen.act("there", () => world.uploads[0]!.answer(201, { photo: "t", thumb: "t.jpg" }));
  await screen.act("broken", () => screen.root.querySelector("img")!.act("error"));
});

story("a report waits for its photos", { values: WHOLE, step: 3 }, async screen => {
  await screen.act("the code", () => screen.report.attachPhotos(createPhotos));
  await screen.act("photos", () => screen.report.addFiles([photo(1), photo(2)]));
  await screen.act("small", () => world.pictures[0]!.end());
  await screen.act("small", () => world.pictures[0]!.end());
  await screen.submit();
  await screen.act("there", () => world.uploads[0]!.answer(201, { photo: "t", thumb: "t.jpg" }));
  await screen.act("offline", () => world.uploads[0]!.answer(0));
  await screen.press("photo_skip");
});

// --- contacts, review, sending ---

const consent = { ...CONFIG.consent, required: "contacts" };
story("contacts, and what is agreed to", { step: 3, config: { consent } }, async screen => {
  await screen.press("more_contacts");
  await screen.type("name", " Анна");
  await screen.choose("publish");
  await screen.choose("consent");
  await screen.type("email", "анна");
  await screen.submit();
});
story(
  "a required address cannot be hidden",
  { step: 3, config: { contact: "required", consent }, options: { hidden: ["email", "name"] } },
  screen => screen.submit()
);
story("no contacts are asked for", { step: 3, options: { hidden: ["email", "name", "phone"] } }, screen =>
  screen.choose("consent")
);
story(
  "neither contacts nor consent",
  { step: 3, config: { consent }, options: { hidden: ["email", "name", "phone"] } },
  screen => screen.press("edit: category_title")
);
story("one field more than the address", { step: 3, options: { hidden: ["name"] } }, screen =>
  screen.type("phone", "1")
);

story(
  "the review of what was said",
  {
    ...{
      step: 3,
      config: { entry: "Название", categories: [{ ...roads, track: "Срок темы", notice_parts: notice }], test: "Проба" }
    },
    values: { ...WHOLE, subject: "Заголовок", address: "", coordinates: "1, 2" }
  },
  async screen => {
    await screen.pass(700);
    await screen.answer("/place", { inside: false, detail: null, other: null, track: "Срок соседа" });
    await screen.press("edit: address_label");
    await screen.press("back");
    await screen.press("back");
  }
);
story("nothing was said", { step: 3, config: { appeals_url: null } }, screen => screen.submit());

const receipt = {
  number: 7,
  received_at: "2026-12-01T10:00:00Z",
  answer_due: "2026-12-31",
  track_url: "https://w.test/t/1"
};
const bring = (screen: Screen) => screen.answer("submit", receipt);
story(
  "a report is sent from a wide form",
  {
    values: { ...WHOLE, email: " a@b.test " },
    width: WIDE,
    before: page => sent(false)(page),
    navigator: { share: async () => Promise.reject(new Error()), clipboard: { writeText: async () => undefined } }
  },
  async screen => {
    await screen.focus("description");
    await screen.submit();
    await screen.submit();
    await bring(screen);
    await screen.focus("track");
    await screen.press("copy");
    await screen.press("share");
    await screen.press("print");
    await screen.press("done_forget");
    await screen.act("stored", () => screen.story.push(world.local.text()));
    await screen.press("again");
  }
);
story(
  "the receipt of a report without an address",
  { values: WHOLE, step: 3, config: { links: { ...CONFIG.links } } },
  async screen => {
    await screen.submit();
    await screen.answer("submit", { ...receipt, code: "К-1", track_url: null, answer_due: null, receiver: "Область" });
  }
);
story(
  "an entry of a collection is received, by whom it was handed on to",
  { values: WHOLE, step: 3, site: { entries: {} } },
  async screen => {
    await screen.submit();
    await screen.answer("submit", { ...receipt, receiver: "Область" });
  }
);
story("an answer to who is elsewhere", { values: WHOLE, step: 3 }, async screen => {
  await screen.submit();
  await screen.focus("email");
  await bring(screen);
});
story(
  "an earlier version has arrived, without its photo",
  { values: { ...WHOLE, photos: [{ id: "1", alt: "" }] }, step: 3 },
  async screen => {
    await screen.act("received", () => {
      screen.report.sending = { state: "received", receipt: receipt as never, earlier: true };
      screen.report.moveFocus();
    });
  }
);

story("a report that waits is sent again, edited, erased", { values: WHOLE, step: 3 }, async screen => {
  await screen.submit();
  await screen.fail("submit");
  await screen.press("resend");
  await screen.press("edit");
  await screen.fail("submit", 500);
  await screen.press("resend");
  await screen.fail("submit", 429, { retry_after: 90 });
  await screen.press("resend");
  await screen.fail("submit", 429);
  await screen.press("edit");
  await screen.submit();
  await screen.fail("submit", 0);
  await screen.press("draft_erase");
});
for (const [what, status, body] of [
  ["in words", 400, { detail: "Сказано" }],
  ["without words", 400, {}],
  ["as a conflict", 422, { code: "idempotency_key_reused" }],
  ["for this page", 403, { code: "origin_not_registered" }],
  ["at a field", 422, { errors: [{ field: "email", code: "", detail: "Адрес" }] }],
  ["at one that is not shown", 422, { errors: [{ field: "name", code: "", detail: "Имя" }] }],
  [
    "at fields",
    422,
    {
      errors: [
        { field: "category", code: "", detail: "Тема" },
        { field: "location.lat", code: "", detail: "" }
      ]
    }
  ]
] as const)
  story(`a report is refused ${what}`, { values: WHOLE, step: 3 }, async screen => {
    await screen.focus("consent");
    await screen.submit();
    await screen.fail("submit", status, body as never);
  });
story("errors come to who is elsewhere, and lead to their fields", { values: WHOLE, width: WIDE }, async screen => {
  await screen.submit();
  await screen.focus("email");
  await screen.fail("submit", 422, { errors: [{ field: "description", code: "", detail: "Мало" }] });
  await screen.press("Мало");
});

// --- the form as a whole ---

story("steps, the width, and the field in hand", { width: WIDE }, async screen => {
  await screen.focus("address");
  await screen.see("size", 400);
  await screen.submit();
  await screen.type("address", "Мира");
  await screen.submit();
  await screen.see("size", 0);
  await screen.press("back");
  await screen.see("size", 600);
  await screen.focus("description");
  await screen.submit();
  await screen.press("error_category");
});
const english = (key: string, values?: object) => "in English: " + keys.t(key as never, values as never);
story("errors are told in the language that is shown", { step: 1 }, async screen => {
  await screen.submit();
  await screen.act("another language", () => screen.draw({ language: { ...keys, t: english } as Language }));
});
story("what the service has found stays as it said it", { step: 3, values: WHOLE }, async screen => {
  await screen.submit();
  await screen.fail("submit", 422, { errors: [{ field: "email", code: "", detail: "Нет такой почты" }] });
  await screen.act("another language", () => screen.draw({ language: { ...keys, t: english } as Language }));
});
story("behind the list no step is told", { site: { visible: false } }, async screen => {
  await screen.act("shown", () => screen.draw({ visible: true }));
  await screen.act("left", () => screen.draw({ visible: false }));
  await screen.act("shown again", () => screen.draw({ visible: true }));
});
story("a draft of a version with more steps", { values: WHOLE, step: 9 }, screen => screen.press("back"));

/** A form of this page has left a draft. */
const left =
  (values: Partial<Values>, sent = false) =>
  (page: Page) => {
    const widget = new Widget(page);
    widget.report.set(values);
    if (sent) widget.report.draft = { ...widget.report.draft, sent: { description: "Яма" } as never };
    widget.destroy();
  };
for (const sent of [false, true])
  story(
    `a draft that may ${sent ? "" : "not "}have arrived goes on`,
    { before: left({ description: "Яма" }, sent) },
    screen => screen.press("draft_erase")
  );
for (const onLine of [false, true])
  story(
    `a report that waited through a reload, ${onLine ? "with" : "without"} a network`,
    {
      navigator: { onLine },
      before: page => {
        const widget = new Widget(page);
        widget.report.set(WHOLE);
        widget.report.draft = { ...widget.report.draft, waits: { description: "Яма" } as never, since: Date.now() };
        widget.destroy();
      }
    },
    async screen => {
      await screen.pass(5000);
      await screen.fail("submit");
    }
  );
for (const sent of [false, true])
  for (const act of ["draft_resume", "draft_discard"])
    story(
      `an unsent report of another tab${sent ? " that may have arrived" : ""}: ${act}`,
      { before: page => (left({ description: "Яма на дороге", email: "a@b.test" }, sent)(page), page.tab.clear()) },
      screen => screen.press(act)
    );

// --- «Мои сообщения» ---

const sent = (own: boolean) => (page: Page) => {
  const at = Date.now();
  world.local.setItem(
    "igrajdanin:key:sent",
    JSON.stringify({
      sent: [
        { number: 7, at },
        { number: 8, at },
        { number: 9, at }
      ]
    })
  );
  if (own) page.tab.setItem("igrajdanin:key:sent", JSON.stringify({ 7: "https://w.test/t/1" }));
};
const detail = { number: 8, status: "solved", description: "Яма\nу школы" };
for (const [what, options, config] of [
  ["of a city that is shown", {}, {}],
  [
    "of one that the page does not show",
    { extended: false },
    { links: { ...CONFIG.links, track: "https://w.test/track?a=1" } }
  ],
  ["of a basic site", {}, { type: "basic" }]
] as const)
  story(
    `own reports ${what}`,
    { before: sent(true), options, config },
    async screen => {
      await screen.answer("/problems/7", { ...detail, number: 7, status: "open" });
      await screen.answer("/problems/8", detail);
      await screen.fail("/problems/9", what === "of a city that is shown" ? 404 : 500);
      await screen.press("done_number(number: 8)");
      await screen.press("done_number(number: 8)", { ctrlKey: true });
      await screen.press("done_number(number: 7)");
      await screen.press("mine_forget");
      await screen.act("stored", () => screen.story.push(world.local.text() + screen.page.tab.text()));
    },
    Mine
  );
story(
  "unsent reports, beside that of this form",
  { before: page => left({ description: "Первое" }, true)(page), values: { address: "Второе" } },
  async screen => {
    await screen.press("title");
    await screen.act("type", () => screen.report.set({ description: "Третье" }));
    await screen.press("draft_discard");
    await screen.press("draft_resume");
    await calm();
  },
  Mine
);
story(
  "an unsent report is gone on with",
  { before: left({ description: "Первое" }) },
  screen => screen.press("draft_resume"),
  Mine
);
story(
  "none of one's own",
  { values: WHOLE, before: () => undefined },
  async screen => {
    await screen.act("received", () => {
      screen.report.sending = { state: "received", receipt: receipt as never };
      screen.draw();
    });
  },
  Mine
);
