import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import type { Configuration } from "../shared/contract.ts";
import { Drafts } from "../report/drafts.ts";
import { list } from "../report/unsent/unsent.ts";
import { randomKey } from "../shared/key.ts";
import { CONTACTS, contacts, empty, report, withoutPrototype, type Draft } from "../report/values.ts";
import { FakeStorage } from "./fakeStorage.ts";

const globals = globalThis as Record<string, unknown>;
let local: FakeStorage, session: FakeStorage, databases: string[];
beforeEach(() => {
  globals.localStorage = local = new FakeStorage();
  globals.sessionStorage = session = new FakeStorage();
  globals.indexedDB = { deleteDatabase: (name: string) => databases.push(name) };
  databases = [];
  globals.location = { origin: "https://gorod.test", pathname: "/" };
});

const PAGE = "/feedback";
const values = {
  ...empty,
  category: "roads",
  description: "Яма",
  address: "улица Мира, 5",
  coordinates: "55.1, 38.7",
  answers: withoutPrototype({ size: "big" }),
  email: "anna@example.test",
  name: "Анна",
  phone: "+7 900 000-00-00",
  consent: true,
  publish: true
};
const config = {
  categories: [],
  consent: { version: "1", url: "", required: "always", publish_name: { version: "n", url: "" } }
} as unknown as Configuration;
const draftOf = (given: Partial<Draft> = {}): Draft => ({ id: "one", step: 3, written: [], values, ...given });
const plain = (value: unknown) => JSON.parse(JSON.stringify(value));

/** Written by a page that is gone. */
function write(given: Partial<Draft> = {}, key = "key"): string {
  const drafts = new Drafts(key);
  drafts.write(draftOf(given), PAGE);
  drafts.release();
  return drafts.name;
}
const found = (key = "key") => list(new Drafts(key));
/** Goes on with what another form has written. */
function take(drafts: Drafts, { name, draft }: ReturnType<typeof found>[number]): void {
  drafts.hold(name);
  drafts.write(draft, PAGE);
}
const load = () => found()[0]!.draft;

test("text, key and step survive, consent does not", () => {
  write();
  assert.deepEqual(found()[0]!.isOwn, true);
  assert.deepEqual(plain(load()), plain(draftOf({ values: { ...values, consent: false, publish: false } })));
});

test("what 1.0.0 and 1.1.0 wrote is offered on every page, and gone on with under its name", () => {
  const { email, name, phone, consent: _, publish: __, ...rest } = values;
  const stored = { at: Date.now(), id: "one", values: rest, personal: true };
  local.setItem("igrajdanin:key", JSON.stringify(stored));
  session.setItem("igrajdanin:key", JSON.stringify({ email, name, phone }));
  const [old] = found();
  assert.deepEqual([old!.page, old!.isOwn, old!.draft.id], [undefined, false, "one"]);
  assert.deepEqual(old!.draft.values, { ...values, consent: false, publish: false });
  assert.ok(old!.draft.written.includes("description"));
  const drafts = new Drafts("key");
  take(drafts, old!);
  drafts.release();
  assert.deepEqual([found()[0]!.page, found()[0]!.isOwn], [PAGE, true]);
  drafts.hold(old!.name);
  drafts.write(draftOf(), PAGE);
  drafts.erase();
  assert.deepEqual([local.length + session.length, databases], [0, ["igrajdanin:key"]]);
});

test("contacts are in the session only, the sent report's too", () => {
  write({ sent: { ...report(config, values, "ru"), ticket: "secret" } });
  assert.doesNotMatch(local.text(), /anna|Анна|000-00|secret/);
  session.clear();
  const { values: loaded, sent } = load();
  assert.equal(loaded.email + loaded.name + loaded.phone, "");
  assert.deepEqual([sent!.email, sent!.description], [undefined, "Яма"]);
});

test("each contact is sent, and kept in the session only", () => {
  const all = { ...empty, ...contacts(empty, () => "private") };
  const sent = report(config, all, "ru");
  assert.deepEqual(
    CONTACTS.map(name => sent[name]),
    CONTACTS.map(() => "private")
  );
  write({ values: all, sent, waits: sent });
  assert.doesNotMatch(local.text(), /private/);
});

test("what waits goes on after a reload, and without its contacts only when the person says so", () => {
  const waits = report(config, values, "ru");
  write({ waits, since: 5 });
  assert.equal(load().since, 5);
  assert.deepEqual(plain(load().waits), plain(waits));
  session.clear();
  assert.deepEqual([load().since, load().waits], [undefined, undefined]);
  // Taken up by another tab it is not complete either.
  const drafts = new Drafts("key");
  take(drafts, found()[0]!);
  drafts.release();
  assert.deepEqual([load().since, load().waits], [undefined, undefined]);
  local.clear();
  const nameless = { ...values, email: "", name: "", phone: "" };
  write({ values: nameless, waits: report(config, nameless, "ru"), since: 5 });
  session.clear();
  assert.equal(load().since, 5, "there was nothing to lose");
});

test("after a day nothing is left, whichever site it is of", () => {
  let now = 0;
  const drafts = new Drafts("key", () => ++now);
  drafts.write(draftOf(), PAGE);
  drafts.release();
  const later = (passed: number) => new Drafts("other", () => passed);
  list(later(86_400_001));
  assert.equal(local.length, 1);
  list(later(86_400_002));
  assert.deepEqual([local.length, session.length, databases], [0, 0, [drafts.name]]);
});

test("erasing leaves nothing; another site's draft is another's", () => {
  const drafts = new Drafts("key");
  drafts.write(draftOf(), PAGE);
  const { name } = drafts;
  for (const other of ["other", "ke", "key/c/budget"]) assert.deepEqual(found(other), []);
  drafts.erase();
  assert.deepEqual([local.length, session.length, databases], [0, 0, [name]]);
});

test("a browser that forbids storage, or holds nonsense, is no obstacle", () => {
  local.setItem("igrajdanin:key:1", "{nonsense");
  local.setItem("igrajdanin:key:2", '{"at":1e15,"values":{"answers":3}}');
  local.setItem("igrajdanin:voices:key", "12,13");
  assert.equal(found().length, 1);
  globals.localStorage = globals.sessionStorage = globals.indexedDB = undefined;
  const drafts = new Drafts("key");
  drafts.write(draftOf(), PAGE);
  assert.deepEqual([drafts.isStored, list(drafts)], [false, []]);
  drafts.erase();
});

test("keys are random and printable", () => {
  const keys = new Set(Array.from({ length: 1000 }, randomKey));
  assert.equal(keys.size, 1000);
  for (const key of keys) assert.match(key, /^[0-9a-f]{32}$/);
});
