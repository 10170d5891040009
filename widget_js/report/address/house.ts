/**
 * A house ties address and pin together: whichever of the two it filled in follows the other, until the person changes
 * it by hand.
 */

import type { Address } from "../../shared/contract.ts";
import type { Values } from "../values.ts";

/** What fills in the pin; a street alone is no place. */
export const isHouse = ({ text }: Address): boolean => /,.*\d/.test(text);

/** The address is nobody's but ours: none was typed, and this pin's was not taken away. */
export function isNameable({ address, coordinates, house }: Values): boolean {
  if (house && house.filled === "address" && house.address === address) return true;
  return !address.trim() && !(house && house.coordinates === coordinates);
}

/** The address of the pin, or none where no house is near. Nothing where nothing changes. */
export function nameAfter(values: Values, found: Address | undefined): Partial<Values> | undefined {
  const { coordinates, house } = values;
  const address = found ? found.text : "";
  if (!isNameable(values) || (house && house.coordinates === coordinates && house.address === address)) return;
  return { address, house: { address, coordinates, filled: "address" } };
}

/** What was typed is no longer the house that was chosen; words may follow it: «улица Мира, 5, у арки». */
export function isLeft({ address, coordinates, house }: Values): boolean {
  if (!house || house.filled !== "coordinates" || house.coordinates !== coordinates) return false;
  const { length } = house.address;
  return address.slice(0, length) !== house.address || !/^([\s,.;(]|$)/.test(address.slice(length));
}
