/** A small form that ends in a letter, in generated sequences: what it refuses, what it sends, what it says. */

import assert from "node:assert/strict";
import ru from "../locales/ru.json";
import { asked, calm, pass, waiting, type Mounted } from "./fakeWidget.ts";

const t = { ...ru.widget, ...ru.browse, ...ru.later };

export interface Form {
  id: "comment" | "follow" | "vote" | "join" | "contact";
  /** Where it is sent, below the site's address. */
  path: string;
  refusal: string;
  sent: string;
  /** What is said where there is no address. */
  noEmail?: string;
  /** Values that each control may get, the good one first, each with the error that it is refused with. */
  texts: Record<string, [value: string, error?: string][]>;
  /** Boxes beside the consent, with the error where they are empty. */
  ticks: Record<string, string | undefined>;
  /** What is sent beside address and consent. */
  body(values: Record<string, string>, ticks: Record<string, boolean>): object;
}

/** Fills the form in, sends it, loses and repeats; until it is sent. */
export async function playForm(widget: Mounted, form: Form, pick: (below: number) => number, story: string) {
  const { id, path } = form;
  const emails: Form["texts"][string] = [
    [" anna@mail.test "],
    ["", form.noEmail || t.error_email_required],
    ["anna", t.error_email]
  ];
  const texts: Form["texts"] = { ...form.texts, email: emails };
  const names = Object.keys(texts);
  const values = Object.fromEntries(names.map(name => [name, ""]));
  const ticks: Record<string, boolean> = Object.fromEntries(
    [...Object.keys(form.ticks), "consent"].map(one => [one, false])
  );
  const control = (name: string) => widget.root.getElementById(`${id}-${name}`)!;
  const error = (name: string) => widget.root.getElementById(`${id}-${name}-error`)?.textContent || "";
  const errorOf = (name: string) =>
    name in texts
      ? (texts[name]!.find(([value]) => value === values[name]) || ["", ""])[1] || ""
      : ticks[name]
        ? ""
        : name === "consent"
          ? form.refusal
          : form.ticks[name] || "";
  const all = [...Object.keys(form.texts), ...Object.keys(form.ticks), "email", "consent"];
  let errors: Record<string, string> = {};
  let isBusy = false,
    message = "",
    sent: object | undefined;
  const submit = async () => {
    widget.touch();
    const event = widget.find("form")!.act("submit");
    assert.ok(event.defaultPrevented, "the page is not left: " + story);
    await calm();
    await pass(1);
  };
  for (let step = 0; step < 60; step++) {
    const act =
      step < 40
        ? ["type", "type", "tick", "submit", "submit", "answer"][pick(6)]!
        : ["fill", "submit", "answer"][step % 3];
    story += `, ${act}`;
    if (act === "type" || act === "fill") {
      for (const name of act === "fill" ? names : [names[pick(names.length)]!]) {
        [values[name] = ""] = texts[name]![act === "fill" ? 0 : pick(texts[name]!.length)]!;
        control(name).enter(values[name]!);
      }
      if (act === "fill") for (const name of Object.keys(ticks)) control(name).tick((ticks[name] = true));
    } else if (act === "tick") {
      const name = Object.keys(ticks)[pick(Object.keys(ticks).length)]!;
      control(name).tick((ticks[name] = !ticks[name]));
    } else if (act === "submit") {
      await submit();
      if (!isBusy) {
        message = "";
        errors = Object.fromEntries(all.map(name => [name, errorOf(name)] as const).filter(([, text]) => text));
        const first = Object.keys(errors)[0];
        if (first) assert.equal(widget.focused, `${id}-${first}`, story);
        else {
          isBusy = true;
          const consent = { version: "1", processing: true, publish_name: !!ticks.publish, name_version: "n" };
          sent = { ...form.body(values, ticks), email: "anna@mail.test", consent, lang: "ru" };
        }
      }
    } else if (act === "answer" && isBusy) {
      const how = step < 40 ? pick(5) : 4;
      isBusy = false;
      const { body, answer, fail } = asked(path) || assert.fail("not sent: " + story);
      assert.deepEqual(body, JSON.parse(JSON.stringify(sent)), story);
      if (how === 0) {
        fail();
        message = t.not_sent;
      } else if (how === 1) {
        answer({ detail: "Слишком много" }, 429);
        message = "Слишком много";
      } else if (how === 2) {
        answer({ errors: [{ field: "email.0", detail: "Такой почты нет" }] }, 422);
        errors = { email: "Такой почты нет" };
      } else if (how === 3) {
        answer({ code: "origin_not_registered", detail: "Адрес страницы" }, 403);
        message = `${t.elsewhere} ${t.unavailable_link}`;
      } else {
        answer({});
        await calm();
        await pass(1);
        assert.equal(widget.find("form"), undefined, story);
        assert.equal(widget.focused, id + "-sent", story);
        assert.equal(widget.find(".notice", form.sent.replace("{email}", "anna@mail.test"))?.id, id + "-sent", story);
        return;
      }
      await calm();
      await pass(1);
      if (how === 2) assert.equal(widget.focused, id + "-email", story);
    }
    await calm();
    for (const name of all) assert.equal(error(name), errors[name] || "", `${name}: ${story}`);
    assert.equal(widget.find("form [role=alert]")!.textContent, message, story);
    assert.equal(waiting().filter(one => one === path).length, +isBusy, "one at a time: " + story);
  }
  assert.fail("never sent: " + story);
}
