import assert from "node:assert/strict";
import { test } from "node:test";
import { hash, read } from "../browse/address.ts";
import { begins, parse, period, query, today, toggled } from "../shared/filters.ts";
import { around } from "../browse/filters/near.ts";

test("a filter is written in one order, whatever order it was chosen in", () => {
  assert.equal(query({ q: "яма у школы", status: "new,done" }), query({ status: "new,done", q: "яма у школы" }));
  assert.equal(query({ status: "new", q: "a&b" }), "status=new&q=a%26b");
  assert.equal(query({ q: "", status: undefined as never }), "");
});

test("what is written is read again", () => {
  const filters = {
    status: "new,working",
    category: "roads",
    district: "01a22094-c340-7727-953b-77c01fb93652",
    since: "2026-11-01",
    until: "2026-11-24",
    overdue: "true",
    q: "яма & «лужа»",
    sort: "due",
    answers: "constructor:a,formats:online",
    bbox: "38.7,55.05,38.8,55.1"
  };
  assert.deepEqual(parse(query(filters)), filters);
  assert.deepEqual(read(hash({ filters, problem: 1204, collection: "ideas" })), {
    filters,
    problem: 1204,
    collection: "ideas"
  });
});

test("a hand-made address gives nothing that the service would refuse", () => {
  const made =
    "status=<b>&category=a b&district=N&answers=many&since=today&until=2026-1-1&overdue=1" +
    "&q=%20&sort=new&bbox=1,2,3&lang=x&cursor=a";
  assert.deepEqual(parse(made), {});
  assert.deepEqual(parse("status=new,foo"), {});
  assert.equal(parse("q=" + "я".repeat(5000)).q!.length, 200);
  assert.deepEqual(parse("since=2026-03-02&until=2026-03-01"), { since: "2026-03-02" });
});

test("only our own hash, or none, is ours", () => {
  for (const theirs of ["#/route", "#igrajdanin-news", "#igrajdaninx?problem=1", "#!", "#report"])
    assert.equal(read(theirs), null, theirs);
  for (const nothing of ["", "#"]) assert.deepEqual(read(nothing), { filters: {} });
  assert.deepEqual(read("#igrajdanin"), { filters: {}, problem: undefined, collection: undefined });
  assert.deepEqual(read("#igrajdanin?problem=12"), { filters: {}, problem: 12, collection: undefined });
  assert.equal(read("#igrajdanin?problem=12abc")!.problem, undefined);
});

test("the problem stands last: what is before it is what the list is asked for", () => {
  assert.equal(hash({ filters: { status: "new" }, problem: 12 }), "#igrajdanin?status=new&problem=12");
  assert.equal(hash({ filters: {}, problem: 12 }), "#igrajdanin?problem=12");
  assert.equal(hash({ filters: {} }), "");
});

test("a chip is put in and taken out", () => {
  assert.equal(toggled(undefined, "new"), "new");
  assert.equal(toggled("new", "done"), "new,done");
  assert.equal(toggled("new,done", "new"), "done");
  assert.equal(toggled("new", "new"), "");
});

test("a period is known again by its days, also over a change of the clock or the year", () => {
  assert.equal(begins("week", "2026-01-03"), "2025-12-28");
  for (const name of ["week", "month", "year"] as const)
    assert.equal(period({ since: begins(name, "2026-03-29") }, "2026-03-29"), name);
  assert.equal(period({}, "2026-03-29"), "");
  assert.equal(period({ since: "2026-03-01", until: "2026-03-29" }, "2026-03-29"), "own");
  assert.equal(period({ until: "2026-03-29" }, "2026-03-29"), "own");
});

test("near by is a kilometre to each side, at any latitude", () => {
  for (const lat of [0, 55.1, 68.97]) {
    const [west, south, east, north] = around(lat, 38.76).split(",").map(Number) as [number, number, number, number];
    assert.ok(Math.abs((north - south) * 111.32 - 2) < 0.05);
    assert.ok(Math.abs((east - west) * 111.32 * Math.cos((lat * Math.PI) / 180) - 2) < 0.05);
  }
});

test("periods, days and dates have their bounds", () => {
  assert.deepEqual(parse("since=2026-03-02&until=2026-03-02"), { since: "2026-03-02", until: "2026-03-02" });
  assert.deepEqual(
    (["week", "month", "year"] as const).map(name => begins(name, "2026-12-31")),
    ["2026-12-25", "2026-12-02", "2026-01-01"]
  );
  assert.equal(period({ since: "2026-03-23", until: "2026-03-29" }, "2026-03-29"), "own");
  // 26 hours apart, no two days are the same.
  const [first, last] = ["Pacific/Kiritimati", "Etc/GMT+12"].map(today) as [string, string];
  for (const day of [first, last]) assert.match(day, /^\d{4}-\d\d-\d\d$/);
  assert.ok(first > last);
});
