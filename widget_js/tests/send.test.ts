import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../shared/api.ts";
import type { Configuration, Receipt, Report } from "../shared/contract.ts";
import type { Draft } from "../report/values.ts";
import { attempt } from "../report/send.ts";
import { empty, report } from "../report/values.ts";

const config = {
  categories: [{ code: "roads", name: "Дороги", answer_due: "2026-12-08", questions: [] }],
  consent: { version: "1", url: "/", required: "always", publish_name: { version: "n", url: "/" } },
  limits: { description: { min: 3, max: 4000 }, photos: 3 },
  contact: "optional"
} as unknown as Configuration;
const values = { ...empty, category: "roads", description: "Яма", address: "улица Мира, 5", consent: true };
(globalThis as { location?: unknown }).location = { origin: "https://gorod.test", pathname: "/feedback" };
const newReport = (description = "Яма") => report(config, { ...values, description }, "ru");

/** A service that keeps one report per key, looks the key up first, and can lose its own answers. */
class Service {
  stored = new Map<string, { body: string; receipt: Receipt }>();
  losing: ("request" | "answer" | "500")[] = [];
  good = new Set(["t1", "t2", "t3"]);
  posts = 0;

  async submit(body: Report, key: string): Promise<Receipt> {
    this.posts++;
    const failure = this.losing.shift();
    if (failure === "request") throw new ApiError(0);
    if (failure === "500") throw new ApiError(500);
    const { ticket, ...rest } = body;
    const fingerprint = JSON.stringify(rest);
    const before = this.stored.get(key);
    if (before && before.body !== fingerprint) throw new ApiError(422, { code: "idempotency_key_reused", errors: [] });
    if (!before) {
      if (!this.good.delete(ticket ?? "")) throw new ApiError(403, { code: "ticket_expired" });
      if (rest.description.length < 3)
        throw new ApiError(422, { errors: [{ field: "description", code: "too_short", detail: "" }] });
      this.stored.set(key, { body: fingerprint, receipt: { number: this.stored.size + 1 } as Receipt });
    }
    if (failure === "answer") throw new ApiError(0);
    return this.stored.get(key)!.receipt;
  }
}
class Desk {
  tickets = ["t1", "t2", "t3"];
  dropped = 0;
  async take() {
    return this.tickets[0];
  }
  drop() {
    this.dropped++;
    this.tickets.shift();
  }
}
function person(service: Service, desk = new Desk()) {
  let draft: Draft = { id: "key", step: 4, values, written: [] };
  return {
    desk,
    get draft() {
      return draft;
    },
    send: (body = newReport()) =>
      attempt(service, desk, draft, body, sent => {
        draft = { ...draft, sent };
      })
  };
}

test("the language and the page may change between two tries", async () => {
  const service = new Service();
  service.losing = ["answer"];
  const anna = person(service);
  await anna.send();
  const again = { ...newReport(), lang: "en", page_url: "https://gorod.test/other" };
  assert.deepEqual(await anna.send(again), { state: "received", receipt: { number: 1 } });
});

test("no ticket within reach: the report waits", async () => {
  const anna = person(new Service());
  anna.desk.take = async () => {
    throw new ApiError(0);
  };
  assert.equal((await anna.send()).state, "waiting");
  assert.equal(anna.draft.sent, undefined, "it never left");
});

test("too many reports: it waits; an unknown key or a foreign origin: it is refused", async () => {
  for (const [status, code, state] of [
    [429, "rate_limited", "waiting"],
    [404, "site_not_found", "refused"],
    [403, "origin_not_registered", "refused"]
  ] as const) {
    const anna = person(new Service());
    const desk = anna.desk;
    desk.take = async () => {
      throw new ApiError(status, { code });
    };
    assert.equal((await anna.send()).state, state);
    assert.equal(desk.dropped, 0, code);
  }
});

test("a foreign origin is no matter of tickets: one post, no new work", async () => {
  const service = new Service();
  service.submit = async () => {
    service.posts++;
    throw new ApiError(403, { code: "origin_not_registered" });
  };
  const anna = person(service);
  assert.equal((await anna.send()).state, "refused");
  assert.deepEqual([service.posts, anna.desk.dropped], [1, 0]);
});
