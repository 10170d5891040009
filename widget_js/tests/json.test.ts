import assert from "node:assert/strict";
import { test } from "node:test";
import { json } from "../shared/json.ts";

test("values are written once on pages whose prototypes write JSON themselves", () => {
  const report = {
    text: "Яма «у школы»",
    photos: ["a"],
    place: { lat: 55.1, address: null },
    ticket: undefined,
    at: 3
  };
  const plain = JSON.stringify(report);
  const changed = [Array, String, Number].map(type => type.prototype as { toJSON?: () => string });
  for (const prototype of changed) prototype.toJSON = () => '"written already"';
  try {
    assert.equal(json(report), plain);
  } finally {
    for (const prototype of changed) delete prototype.toJSON;
  }
});
