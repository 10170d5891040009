import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import type { Configuration } from "../shared/contract.ts";
import { Drafts } from "../report/draft.ts";
import { randomKey } from "../shared/key.ts";
import { bare, CONTACTS, contacts, empty, report, type Draft } from "../report/values.ts";

class Storage {
  items = new Map<string, string>();
  getItem = (name: string) => this.items.get(name) ?? null;
  setItem = (name: string, value: string) => void this.items.set(name, value);
  removeItem = (name: string) => void this.items.delete(name);
}
const globals = globalThis as { localStorage?: unknown; sessionStorage?: unknown; location?: unknown };
let local: Storage, session: Storage;
beforeEach(() => {
  globals.localStorage = local = new Storage();
  globals.sessionStorage = session = new Storage();
  globals.location = { origin: "https://gorod.test", pathname: "/" };
});

const values = {
  ...empty,
  category: "roads",
  description: "Яма",
  address: "улица Мира, 5",
  coordinates: "55.1, 38.7",
  answers: bare({ size: "big" }),
  email: "anna@example.test",
  name: "Анна",
  phone: "+7 900 000-00-00",
  consent: true,
  publish: true
};
const config = {
  categories: [],
  consent: { version: "1", url: "", publish_name: { version: "n", url: "" } }
} as unknown as Configuration;

/** Saved, and written down at once. */
function written(drafts: Drafts, given: Omit<Draft, "id" | "step">): void {
  drafts.save({ id: "one", step: 3, ...given });
  drafts.write();
}

test("text, key and step survive, consent does not", () => {
  written(new Drafts("key"), { values });
  const draft = new Drafts("key").load()!;
  assert.deepEqual([draft.id, draft.step], ["one", 3]);
  assert.deepEqual(draft.values, { ...values, consent: false, publish: false });
});

test("what the release 1.0.0 wrote down is read", () => {
  const { email, name, phone, consent: _, publish: __, ...rest } = values;
  const stored = { at: Date.now(), id: "one", values: rest, personal: true };
  local.setItem("key", JSON.stringify(stored));
  session.setItem("key", JSON.stringify({ email, name, phone }));
  const draft = new Drafts("key").load()!;
  assert.deepEqual([draft.id, draft.values], ["one", { ...values, consent: false, publish: false }]);
});

test("contacts are in the session only, the sent report's too", () => {
  written(new Drafts("key"), { values, sent: { ...report(config, values, "ru"), ticket: "secret" } });
  assert.doesNotMatch([...local.items.values()].join(), /anna|Анна|000-00|secret/);
  session.items.clear();
  const draft = new Drafts("key").load()!;
  assert.equal(draft.values.email + draft.values.name + draft.values.phone, "");
  assert.equal(draft.sent!.email, undefined);
  assert.equal(draft.sent!.description, "Яма");
});

test("each contact is sent, and kept in the session only", () => {
  const all = { ...empty, ...contacts(empty, () => "private") };
  const sent = report(config, all, "ru");
  assert.deepEqual(
    CONTACTS.map(name => sent[name]),
    CONTACTS.map(() => "private")
  );
  written(new Drafts("key"), { values: all, sent, waits: sent });
  assert.doesNotMatch([...local.items.values()].join(), /private/);
});

test("what was sent comes back whole within the session", () => {
  const sent = report(config, values, "ru");
  written(new Drafts("key"), { values, sent });
  assert.deepEqual(JSON.parse(JSON.stringify(new Drafts("key").load()!.sent)), JSON.parse(JSON.stringify(sent)));
});

test("what waits goes on after a reload, and without its contacts only when the person says so", () => {
  const waits = report(config, values, "ru");
  written(new Drafts("key"), { values, waits, since: 5 });
  assert.doesNotMatch([...local.items.values()].join(), /anna|Анна|000-00/);
  const draft = new Drafts("key").load()!;
  assert.equal(draft.since, 5);
  assert.deepEqual(JSON.parse(JSON.stringify(draft.waits)), JSON.parse(JSON.stringify(waits)));
  session.items.clear();
  assert.deepEqual([new Drafts("key").load()!.since, new Drafts("key").load()!.waits], [undefined, undefined]);
  const nameless = { ...values, email: "", name: "", phone: "" };
  written(new Drafts("key"), { values: nameless, waits: report(config, nameless, "ru"), since: 5 });
  session.items.clear();
  assert.equal(new Drafts("key").load()!.since, 5, "there was nothing to lose");
});

test("what is being typed is written down after a rest, or when that is asked for", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    let writes = 0;
    local.setItem = (name, value) => {
      writes++;
      local.items.set(name, value);
    };
    const drafts = new Drafts("key");
    const type = (description: string) => {
      drafts.save({ id: "one", step: 0, values: { ...values, description } });
      mock.timers.tick(300);
    };
    for (const text of ["Я", "Ям", "Яма"]) type(text);
    assert.equal(writes, 0);
    mock.timers.tick(100);
    assert.deepEqual([writes, new Drafts("key").load()!.values.description], [1, "Яма"]);
    type("Яма у");
    drafts.write();
    assert.equal(new Drafts("key").load()!.values.description, "Яма у");
    mock.timers.tick(1000);
    assert.equal(writes, 2, "nothing is written twice");
    type("Яма у дома");
    drafts.erase();
    mock.timers.tick(1000);
    drafts.write();
    assert.equal(local.items.size, 0, "what is erased is not written afterwards");
  } finally {
    mock.timers.reset();
  }
});

test("after a day nothing is left", () => {
  let now = 0;
  const drafts = new Drafts("key", () => now);
  written(drafts, { values });
  now = 86_400_000;
  assert.ok(drafts.load());
  now++;
  assert.equal(drafts.load(), undefined);
  assert.equal(local.items.size + session.items.size, 0);
});

test("erasing leaves nothing; another site's draft is another's", () => {
  const drafts = new Drafts("key");
  written(drafts, { values });
  assert.equal(new Drafts("other").load(), undefined);
  drafts.erase();
  assert.equal(local.items.size + session.items.size, 0);
});

test("a browser that forbids storage, or holds nonsense, is no obstacle", () => {
  local.setItem("key", "{nonsense");
  assert.equal(new Drafts("key").load(), undefined);
  globals.localStorage = globals.sessionStorage = undefined;
  const drafts = new Drafts("key");
  written(drafts, { values });
  assert.equal(drafts.load(), undefined);
  drafts.erase();
});

test("keys are random and printable", () => {
  const keys = new Set(Array.from({ length: 1000 }, randomKey));
  assert.equal(keys.size, 1000);
  for (const key of keys) assert.match(key, /^[0-9a-f]{32}$/);
});
