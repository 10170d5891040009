import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { ApiError } from "../shared/api.ts";
import type { Challenge, Ticket } from "../shared/contract.ts";
import { solve, type Solved } from "../shared/solver/solve.ts";
import { post } from "../shared/post.ts";
import { Tickets } from "../shared/tickets.ts";

class Gate {
  challenges = 0;
  failing = 0;
  solutions: Solved[] = [];

  async challenge(): Promise<Challenge> {
    if (this.failing-- > 0) throw new ApiError(503);
    const salt = "salt" + ++this.challenges;
    return {
      algorithm: "SHA-256",
      challenge: createHash("sha256")
        .update(salt + 7)
        .digest("hex"),
      maxnumber: 100,
      salt,
      signature: "s"
    };
  }
  async ticket(solution: Solved): Promise<Ticket> {
    this.solutions.push(solution);
    return { ticket: "ticket" + this.solutions.length, expires_at: "1970-01-01T00:00:00Z" };
  }
}

test("the work is done once, however often a ticket is asked for", async () => {
  const gate = new Gate();
  const tickets = new Tickets(gate);
  assert.equal(await tickets.prepare(), null);
  assert.deepEqual(await Promise.all([tickets.take(), tickets.take()]), ["ticket1", "ticket1"]);
  assert.equal(gate.solutions[0]!.number, 7);
  assert.equal(gate.challenges, 1);
});

test("a ticket near its end is replaced, whatever the clock of the server says", async () => {
  let now = 0;
  const tickets = new Tickets(new Gate(), () => now);
  assert.equal(await tickets.take(), "ticket1");
  now += 109 * 60_000;
  assert.equal(await tickets.take(), "ticket1");
  now += 2 * 60_000;
  assert.equal(await tickets.take(), "ticket2");
});

test("a refused ticket is replaced", async () => {
  const tickets = new Tickets(new Gate());
  await tickets.take();
  tickets.drop();
  assert.equal(await tickets.take(), "ticket2");
});

test("what is posted goes once more with another ticket, where that may help, and none is spent twice", async () => {
  const refused = (status: number, code?: string) => new ApiError(status, code ? { code } : {});
  for (const [answers, result, tickets] of [
    [["ok"], "ok", 1],
    [[refused(403), "ok"], "ok", 2],
    [[refused(403), refused(403), "ok"], 403, 2],
    // Neither what has failed otherwise, nor a place that is refused.
    [[refused(0)], 0, 1],
    [[refused(422)], 422, 1],
    [[refused(403), refused(500)], 500, 2],
    [[refused(403, "origin_not_registered")], 403, 1],
    [[refused(404)], 404, 1]
  ] as [(string | ApiError)[], string | number, number][]) {
    const sent: object[] = [];
    const left = [...answers];
    const send = async (path: string, body: object) => {
      sent.push([path, body]);
      const answer = left.shift();
      if (answer instanceof ApiError) throw answer;
      return answer;
    };
    const site = { api: { send } as never, tickets: new Tickets(new Gate()) };
    const told = await post(site, "/votes", { n: 1 }).catch(({ status }: ApiError) => status);
    const story = answers.join();
    assert.equal(told, result, story);
    assert.deepEqual(
      sent,
      Array.from({ length: tickets }, (_, index) => ["/votes", { n: 1, ticket: `ticket${index + 1}` }]),
      story
    );
    // What was taken is spent; what never arrived, or was not looked at, is good for the next.
    const next = result === "ok" || (tickets === 2 && result === 403 && answers.length < 3) ? tickets + 1 : tickets;
    assert.equal(await site.tickets.take(), `ticket${next}`, story);
  }
});

test("a ticket is as old as its answer, and its work lets the page breathe", async () => {
  let now = 0;
  const gate = new Gate();
  const exchange = gate.ticket.bind(gate);
  gate.ticket = solution => {
    now += 60 * 60_000;
    return exchange(solution);
  };
  const tickets = new Tickets(gate, () => now);
  assert.equal(await tickets.take(), "ticket1");
  now += 109 * 60_000;
  assert.equal(await tickets.take(), "ticket1");
  const clock = Date.now;
  const { setTimeout } = globalThis;
  let pauses = 0,
    time = 0;
  Date.now = () => (time += 6);
  Object.assign(globalThis, { setTimeout: (work: () => void) => (pauses++, setTimeout(work)) });
  const salt = "s".repeat(70);
  const of = (number: number) =>
    createHash("sha256")
      .update(salt + number)
      .digest("hex");
  const challenge = { algorithm: "SHA-256", salt, signature: "s" } as const;
  // The last number is one too, and the service may name none; a digest is compared to its end.
  assert.equal((await solve({ ...challenge, challenge: of(1000), maxnumber: 1000 }))!.number, 1000);
  assert.ok(pauses >= 2);
  assert.equal((await solve({ ...challenge, challenge: of(12) } as never))!.number, 12);
  const almost = of(5).slice(0, 8) + of(6).slice(8);
  assert.equal(await solve({ ...challenge, challenge: almost, maxnumber: 10 }), null);
  Date.now = clock;
  Object.assign(globalThis, { setTimeout });
});

test("a failure is told and the next try starts anew", async () => {
  const gate = new Gate();
  gate.failing = 2;
  const tickets = new Tickets(gate);
  assert.equal((await tickets.prepare())?.status, 503);
  await assert.rejects(tickets.take(), ApiError);
  assert.equal(await tickets.take(), "ticket1");
});

test("a challenge that cannot be met is a failure of the service", async () => {
  const gate = new Gate();
  const impossible = { ...(await gate.challenge()), challenge: "0".repeat(64) };
  gate.challenge = async () => impossible;
  assert.equal((await new Tickets(gate).prepare())?.status, 500);
});

test("where the service asks for no work there is no ticket", async () => {
  const gate = new Gate();
  gate.challenge = async () => ({}) as Challenge;
  assert.equal(await new Tickets(gate).take(), undefined);
  assert.equal(gate.solutions.length, 0);
});
