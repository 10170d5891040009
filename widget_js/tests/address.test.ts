/** Address, pin and the houses that the service names, in generated sequences of what people do. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { isLeft, isNameable, nameAfter } from "../report/address/house.ts";
import { empty, type Values } from "../report/values.ts";
import { generator, SEED } from "./seed.ts";

/** Where the pins of these sequences stand, with their houses; the last one is far from any. */
const PLACES = ["55.1, 38.1", "55.2, 38.2", "55.3, 38.3"];
const HOUSES = [{ text: "улица Мира, 5" }, { text: "улица Мира, 51" }, undefined].map(
  house => house && { ...house, lat: 0, lng: 0 }
);

test("what somebody wrote or put stays, what a house filled in follows it", () => {
  const random = generator(SEED);
  const pick = <T>(all: readonly T[]): T => all[random(all.length)]!;
  for (let round = 0; round < 400; round++) {
    let values: Values = { ...empty };
    /** By hand: neither chosen nor named. */
    let isAddressTyped = false,
      isPinPut = false;
    const said: string[] = [];
    for (let step = 0; step < 12; step++) {
      const act = pick(["type", "clear", "choose", "put", "name"]);
      const before = values;
      if (act === "type" || act === "clear") {
        const address = act === "clear" ? "" : pick([values.address + " у арки", values.address + "1", "у школы"]);
        values = { ...values, address };
        isAddressTyped = !!address;
        if (isLeft(values)) {
          assert(!isPinPut, "the pin was put by hand: " + said);
          values = { ...values, coordinates: "" };
        }
      } else if (act === "choose") {
        const house = pick(HOUSES.slice(0, 2))!;
        const coordinates = PLACES[HOUSES.indexOf(house)]!;
        values = {
          ...values,
          address: house.text,
          coordinates,
          house: { address: house.text, coordinates, filled: "coordinates" }
        };
        isAddressTyped = true;
        isPinPut = false;
      } else if (act === "put") {
        // Beside the house, not on it.
        values = { ...values, coordinates: pick(PLACES) + "1" };
        isPinPut = true;
      } else if (values.coordinates) {
        const found = HOUSES[PLACES.indexOf(values.coordinates.slice(0, 10))];
        const change = isNameable(values) && nameAfter(values, found);
        if (change) values = { ...values, ...change };
        if (isAddressTyped) assert.equal(values.address, before.address, "typed: " + said);
        else if (isNameable(before)) assert.equal(values.address, found ? found.text : "", "named: " + said);
        assert(!nameAfter(values, found), "once: " + said);
      }
      said.push(`${act} ${values.address} @ ${values.coordinates}`);
    }
  }
});

test("words may follow the house that was chosen, not other numbers", () => {
  const [coordinates] = PLACES as [string];
  const chosen = (address: string): Values => ({
    ...empty,
    address,
    coordinates,
    house: { address: "улица Мира, 5", coordinates, filled: "coordinates" }
  });
  for (const address of ["улица Мира, 5", "улица Мира, 5, у арки", "улица Мира, 5 (двор)"])
    assert(!isLeft(chosen(address)), address);
  for (const address of ["улица Мира, 51", "улица Мира, 5/2", "улица Мира, 5а", "улица Мира", ""])
    assert(isLeft(chosen(address)), address);
});
