import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { ApiError } from "../shared/api.ts";
import type { Challenge, Ticket } from "../shared/contract.ts";
import type { Solved } from "../shared/solver/solve.ts";
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

test("what is posted goes once more with another ticket, and the next one does not repeat a spent one", async () => {
  const spent = new Set<string>();
  const sent: string[] = [];
  const send = async (_: string, { ticket }: { ticket: string }) => {
    sent.push(ticket);
    if (spent.has(ticket)) throw new ApiError(403);
    spent.add(ticket);
  };
  const site = { api: { send } as never, tickets: new Tickets(new Gate()) };
  spent.add((await site.tickets.take())!);
  await post(site, "/votes", {});
  await post(site, "/votes", {});
  assert.deepEqual(sent, ["ticket1", "ticket2", "ticket3"]);
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
