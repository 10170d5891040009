import assert from "node:assert/strict";
import { test } from "node:test";
import type { Configuration, Question } from "../shared/contract.ts";
import { fromService, stepOf, validate } from "../report/validate.ts";
import { coordinates, empty, report, type Values } from "../report/values.ts";

(globalThis as { location?: unknown }).location = { origin: "https://gorod.test", pathname: "/feedback" };
const question = (code: string, datatype: Question["datatype"], required = false): Question => ({
  code,
  datatype,
  required,
  description: code,
  hint: null,
  order: 0,
  values: [{ key: "a", name: "A" }]
});
const config = {
  categories: [
    { code: "roads", name: "Дороги", answer_due: "2026-12-08", questions: [] },
    {
      code: "snow",
      name: "Снег",
      answer_due: "2026-12-08",
      questions: [
        question("kind", "singlevaluelist", true),
        question("depth", "number"),
        question("since", "datetime"),
        question("where", "multivaluelist", true)
      ]
    }
  ],
  consent: { version: "7", url: "/", required: "always", publish_name: { version: "n", url: "/" } },
  limits: { description: { min: 3, max: 20 }, photos: 3 },
  contact: "optional"
} as unknown as Configuration;
const good: Values = { ...empty, category: "roads", description: "Яма", address: "улица Мира", consent: true };
const faults = (change: Partial<Values>, other: Partial<Configuration> = {}) =>
  validate({ ...config, ...other }, { ...good, ...change }).map(error => error.control);

test("coordinates as people write them", () => {
  const place = { lat: 55.0952, lng: 38.7688 };
  for (const text of [
    "55.0952, 38.7688",
    "55,0952; 38,7688",
    " 55.0952 38.7688 ",
    "55,0952, 38,7688",
    "55.0952°, 38.7688°"
  ]) {
    assert.deepEqual(coordinates(text), place, text);
  }
  assert.deepEqual(coordinates("-33.9 -70"), { lat: -33.9, lng: -70 });
  for (const text of ["", "55.0952", "91, 10", "10, 181", "улица", "55.1.2, 38"])
    assert.equal(coordinates(text), null, text);
});

test("a good report has no faults, an empty one has all at once", () => {
  assert.deepEqual(faults({}), []);
  assert.deepEqual(faults(empty), ["category", "description", "address", "consent"]);
});

test("description: limits in characters, an emoji is one", () => {
  assert.deepEqual(faults({ description: " я \n" }), ["description"]);
  assert.deepEqual(faults({ description: "😀".repeat(20) }), []);
  assert.deepEqual(faults({ description: "😀".repeat(21) }), ["description"]);
});

test("a place is an address or coordinates", () => {
  assert.deepEqual(faults({ address: "", coordinates: "55.1 38.7" }), []);
  assert.deepEqual(faults({ address: "", coordinates: "там" }), ["address"]);
});

test("e-mail: optional or required, and shaped like one", () => {
  assert.deepEqual(faults({ email: "анна" }), ["email"]);
  assert.deepEqual(faults({ email: "anna@почта.рф" }), []);
  assert.deepEqual(faults({}, { contact: "required" }), ["email"]);
});

test("consent: for every report, or for contacts alone", () => {
  const consent = { ...config.consent, required: "contacts" as const };
  assert.deepEqual(faults({ consent: false }), ["consent"]);
  assert.deepEqual(faults({ consent: false }, { consent }), []);
  for (const contacts of [{ email: "a@b.ru" }, { name: "Анна" }, { phone: "112" }])
    assert.deepEqual(faults({ consent: false, ...contacts }, { consent }), ["consent"]);
});

test("questions of the category, and of no other", () => {
  assert.deepEqual(faults({ category: "snow" }), ["answers.kind", "answers.where"]);
  assert.deepEqual(faults({ category: "snow", answers: { kind: "a", where: ["a"], depth: "много" } }), [
    "answers.depth"
  ]);
  assert.deepEqual(faults({ category: "snow", answers: { kind: "a", where: ["a"], depth: "1,5" } }), []);
});

test("the service's fields find their controls and steps", () => {
  const fields = [
    "category",
    "description",
    "location",
    "location.lat",
    "location.address",
    "email",
    "name",
    "phone",
    "answers.kind",
    "answers.title",
    "answers.constructor",
    "answers.publish_name",
    "consent.processing",
    "consent.publish_name",
    "photos",
    "photos.0",
    "anything"
  ];
  const errors = fromService({ errors: fields.map(field => ({ field, code: "wrong", detail: field })) });
  const controls = [
    "category",
    "description",
    "address",
    "address",
    "address",
    "email",
    "name",
    "phone",
    "answers.kind",
    "answers.title",
    "answers.constructor",
    "answers.publish_name",
    "consent",
    "publish",
    "photos",
    "photos",
    "consent"
  ];
  assert.deepEqual(
    errors.map(error => error.control),
    controls
  );
  assert.deepEqual(
    errors.map(({ text: [first] }) => first as string),
    fields
  );
  assert.deepEqual(controls.map(stepOf), [0, 1, 2, 2, 2, 3, 3, 3, 1, 1, 1, 1, 3, 3, 1, 1, 3]);
});

test("the report holds what was said and nothing else", () => {
  const said: Values = {
    ...good,
    category: "snow",
    description: "  Сугроб ",
    coordinates: "55,1 38,7",
    email: " ",
    name: " Анна ",
    publish: true,
    answers: { kind: "a", where: ["a"], depth: "", since: "2026-11-24T08:30", gone: "from another category" }
  };
  assert.deepEqual(JSON.parse(JSON.stringify(report(config, said, "ru"))), {
    category: "snow",
    description: "Сугроб",
    location: { lat: 55.1, lng: 38.7, address: "улица Мира" },
    name: "Анна",
    photos: [],
    answers: { kind: "a", where: ["a"], since: "2026-11-24T08:30" },
    consent: { version: "7", processing: true, publish_name: true, name_version: "n" },
    lang: "ru",
    page_url: "https://gorod.test/feedback"
  });
  assert.equal(
    report(config, { ...good, publish: true }, "ru").consent!.publish_name,
    false,
    "no name, nothing to publish"
  );
});
