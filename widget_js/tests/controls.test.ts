/** The parts that all views draw with: what names and describes a control, what is announced, what a press does. */

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { h, render, type ComponentChildren } from "preact";
import { readOptions } from "../loader/host.ts";
import { language, type Texts } from "../shared/i18n.ts";
import { isClosed } from "../shared/statusStyle.ts";
import { SiteContext } from "../shared/site.ts";
import { Failed } from "../shared/ui/failure.tsx";
import { Check, TextField } from "../shared/ui/field.tsx";
import { PrivacyNotice } from "../shared/ui/privacyNotice.tsx";
import { Refusal, refuses } from "../shared/ui/refusal.tsx";
import { Chip, Chips } from "../shared/ui/statusChip.tsx";
import { Words } from "../shared/ui/words.tsx";
import { ApiError } from "../shared/api.ts";
import ru from "../locales/ru.json";
import { enterPage, type FakeDocument, FakeElement, leavePage } from "./fakeDocument.ts";

const STATUSES = { accepted: "Принято", in_progress: "В работе", overdue: "Срок прошёл" };
const words = language(
  "ru",
  { ...ru.widget, ...ru.browse, ...ru.later, ...STATUSES } as unknown as Texts,
  "Europe/Moscow"
);
const options = { key: "wk", service: "https://w.test" } as never;
let document: FakeDocument;
let host: FakeElement;
let place: FakeElement;
let told: unknown[];
let logged: string[];
let pictures: string[];
let timers: (() => void)[];

beforeEach(() => {
  [told, logged, pictures, timers] = [[], [], [], []];
  document = enterPage({
    VERSION: "?v",
    Image: class {
      set src(address: string) {
        pictures.push(address);
      }
    },
    setTimeout: (work: () => void) => timers.push(work),
    console: { ...console, error: (line: string) => logged.push(line) }
  });
  host = new FakeElement("igrajdanin-widget");
  host.addEventListener("igrajdanin:error", ({ detail }) => told.push(detail));
  place = new FakeElement("dialog");
  place.setAttribute("open", "");
  host.attachShadow().append(place);
  document.body.append(host);
});
afterEach(leavePage);

function draw(children: ComponentChildren, site: object = {}): void {
  const value = { host, options, language: words, ...site } as never;
  render(h(SiteContext.Provider, { value, children }), place as never);
}
const find = (selector: string) => place.querySelector(selector)!;
const text = (element: FakeElement | null) => element && element.textContent.trim().replace(/\s+/g, " ");
/** What a screen reader reads with a control. */
const described = (control: FakeElement) =>
  (control.getAttribute("aria-describedby") || "")
    .split(" ")
    .map(id => id && text(host.shadowRoot!.getElementById(id)));

test("a control has its label, its hint and its error, and tells what is typed", () => {
  let typed: unknown;
  const field = { id: "name", label: "Имя", value: "Анна", onChange: (to: unknown) => (typed = to) };
  for (const hint of ["", "Не публикуется"])
    for (const error of ["", "Слишком длинно"])
      for (const rows of [0, 3]) {
        for (const optional of [false, true]) {
          draw(h(TextField, { ...field, hint, error, optional, rows }));
          const control = find(rows ? "textarea" : "input");
          assert.deepEqual(
            described(control),
            [hint, error].filter(Boolean).length ? [hint, error].filter(Boolean) : [""]
          );
          assert.equal(control.getAttribute("aria-invalid"), error ? "true" : null);
          assert.deepEqual([find("label").getAttribute("for"), control.id, control.value], ["name", "name", "Анна"]);
          assert.equal(text(find("label")), "Имя" + (optional ? ` (${words.t("optional")})` : ""));
        }
      }
  find("textarea").enter("Анна П.");
  assert.equal(typed, "Анна П.");
  for (const hint of ["", "12 из 20"]) {
    draw(h(TextField, { ...field, hint, live: true }));
    const status = place.querySelector("[role]");
    assert.deepEqual([status!.getAttribute("role"), text(status)], ["status", hint], "it is read out when it changes");
  }
  draw(h(Check, { id: "consent", error: "Нужно", checked: true, onChange: to => (typed = to), children: "Да" }));
  const check = find("input");
  assert.deepEqual([described(check), check.checked], [["Нужно"], true]);
  check.tick(false);
  assert.equal(typed, false);
});

test("a text that changes comes in an element of its own, which a translator has not taken away", () => {
  draw(h(Words, { children: "Один" }));
  const [one] = place.querySelectorAll("span");
  draw(h(Words, { children: "Два" }));
  const [other] = place.querySelectorAll("span");
  assert.deepEqual([text(other!), one === other, one!.isConnected], ["Два", false, false]);
  draw(h(Words, { children: "" }));
  assert.equal(place.textContent, "");
});

test("a failure is announced, and its button tries again and steps back to what comes in its place", () => {
  const title = new FakeElement("h2");
  Object.assign(title, { id: "title" }).setAttribute("tabIndex", -1);
  let tried = 0;
  for (const retry of [undefined, false, () => tried++] as const) {
    draw(h(Failed, { text: "Не пришло", retry }));
    const alert = find("p");
    assert.equal(alert.getAttribute("role"), "alert");
    assert.equal(text(alert), retry ? `Не пришло ${words.t("retry")}` : "Не пришло");
  }
  place.append(title);
  find("button").press();
  timers.splice(0).forEach(work => work());
  assert.deepEqual([tried, document.focused], [1, title]);
});

test("each refusal says why, what the person can do, and to the webmaster where to mend it", () => {
  const agency = { name: "Город", email: "gorod@w.test" };
  const link = `${words.t("unavailable_link")}`;
  const RETRY = words.t("retry");
  const detail = "The origin is not registered.";
  const cases: [status: number, body: object, text: string, actions: string[], logs: boolean][] = [
    [0, {}, "unavailable_server", [RETRY, link, agency.email], false],
    [500, {}, "unavailable_server", [RETRY, link, agency.email], false],
    [403, { code: "origin_not_registered", detail }, "unavailable_origin", [link, agency.email], true],
    [403, { code: "challenge_failed" }, "unavailable_origin", [RETRY, link, agency.email], false],
    [404, { detail: "No such site." }, "unavailable_key", [], true],
    [429, { retry_after: 3600 }, "waiting_limit", [RETRY, link, agency.email], false]
  ];
  const now = Date.now;
  Date.now = () => Date.UTC(2026, 5, 1, 9, 0);
  for (const [status, body, key, actions, logs] of cases) {
    [told, logged] = [[], []];
    const error = new ApiError(status, body);
    let tried = 0;
    const refusal = () =>
      draw(h(Refusal, { error, host, options, language: words, agency, retry: () => tried++ } as never));
    refusal();
    const alert = find("div");
    assert.equal(alert.getAttribute("role"), "alert");
    assert.equal(
      text(find("p")),
      words.t(key as "waiting_limit", { time: status === 429 ? "13:00" : "12:01" }),
      String(status)
    );
    const shown = [...place.querySelectorAll("button"), ...place.querySelectorAll("a")];
    assert.deepEqual(shown.map(text), actions, String(status));
    assert.deepEqual(
      place.querySelectorAll("a").map(one => one.getAttribute("href")),
      actions[0] ? ["https://w.test/s/wk/report", "mailto:gorod@w.test"] : []
    );
    assert.equal(refuses(error), logs);
    const { code } = body as { code?: string };
    // Drawn again, nothing is told or logged again.
    refusal();
    assert.deepEqual(told, [{ status, code }]);
    const said = (body as { detail?: string }).detail;
    const line = `igrajdanin-widget site-key="wk" data-api="https://w.test": ${said} https://w.test/sites/new`;
    assert.deepEqual(logged, logs ? [line] : []);
    draw(null);
    refusal();
    assert.equal(logged.length, +logs, "the console has it already");
    if (actions[0] === RETRY) find("button").press();
    assert.equal(tried, +(actions[0] === RETRY));
    draw(null);
  }
  Date.now = now;
  // That it does not answer the service learns otherwise, once.
  assert.deepEqual(pictures, ["https://w.test/api/v1/sites/wk/challenge?v&failed=config"]);
});

test("personal data in a text is named once a kind, and what was done is told too", () => {
  const phone = { kind: "phone", text: "1", start: 0 } as const;
  const plate = { ...phone, kind: "plate" } as const;
  const shown = (found: (typeof phone | typeof plate)[], done?: string) => {
    draw(h(PrivacyNotice, { found, done }));
    return [text(find("[role]")), find("[role]").getAttribute("role")];
  };
  const what = (kinds: string) => words.t("private_found", { what: kinds });
  const [one, other] = [words.t("private_phone"), words.t("private_plate")];
  assert.deepEqual(shown([phone, plate, phone], "Готово"), ["Готово " + what(`${one} и ${other}`), "status"]);
  assert.deepEqual(shown([], "Готово"), ["Готово", "status"]);
  assert.deepEqual(shown([]), ["", "status"]);
});

test("a status is told by its name, an unknown one as accepted, and nothing where there is nothing to tell", () => {
  const chips = (problem: object, entries?: object) => {
    draw(h(Chips, { problem: problem as never }), { entries });
    return place.querySelectorAll("span").map(text);
  };
  const late = { status: "in_progress", overdue: true };
  assert.deepEqual(chips(late), ["В работе", "Срок прошёл"]);
  assert.deepEqual(chips({ status: "in_progress" }), ["В работе"]);
  assert.deepEqual(chips({ status: "of_a_later_version" }), ["Принято"]);
  assert.deepEqual(chips(late, { answered: true }), ["В работе"]);
  assert.deepEqual(chips({ status: "accepted" }, { answered: true }), []);
  assert.deepEqual(chips(late, { answered: false }), []);
  draw(h(Chip, { status: "accepted", label: "Открытые" }));
  assert.equal(text(find("span")), "Открытые");
  const isOver = (status: string) => isClosed({ status } as never);
  assert.deepEqual(["resolved", "accepted", "of_a_later_version"].map(isOver), [true, false, false]);
});

test("attributes are read from the element, else from its div, and mean the same in any spelling", () => {
  const div = new FakeElement("div");
  div.append(host);
  document.body.append(div);
  const read = (attributes: Record<string, string>) => {
    for (const [name, value] of Object.entries(attributes))
      (name.startsWith("data-") ? div : host).setAttribute(name, value);
    return readOptions({ host, service: "https://w.test", language: () => "ru", list: false } as never);
  };
  const none = read({ "data-igrajdanin-widget": "wk", "site-key": "wk" });
  assert.deepEqual(
    [none.theme, none.hidden, none.inline, none.extended, none.figures, none.live, none.category],
    ["auto", [], false, false, false, true, ""]
  );
  const given = read({
    "data-theme": "dark",
    "data-category": "roads",
    category: "snow",
    "data-hide": " name,phone  email, "
  });
  assert.deepEqual([given.theme, given.category, given.hidden], ["dark", "snow", ["name", "phone", "email"]]);
  const figures = read({ view: "figures" });
  assert.deepEqual([figures.inline, figures.extended, figures.figures], [true, true, true]);
  const extended = read({ view: "inline", type: "extended" });
  assert.deepEqual([extended.inline, extended.extended, extended.figures], [true, true, false]);
  div.remove();
  assert.equal(read({}).live, false);
});
