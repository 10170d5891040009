/** Moves contacts from the public text of a report to its private fields. */

import { findPersonalData, takeOut, type Finding } from "../../shared/personalData.ts";
import type { Contacts, Values } from "../values.ts";

const PUBLIC = ["subject", "description"] as const;
const PRIVATE = ["phone", "email"] as const;
type Change = Partial<Pick<Values, (typeof PUBLIC)[number] | (typeof PRIVATE)[number]>>;

export const findInReport = (values: Values): Finding[] => PUBLIC.flatMap(name => findPersonalData(values[name]));

/** As the service takes it: with plain hyphens, and a digit first. */
const spell = ({ kind, text }: Finding): string =>
  kind === "phone" ? text.replace(/[\u2010-\u2015]/g, "-").replace(/^\(/, "8 (") : text;

/**
 * The first telephone number and the first address of the text, each where its field is asked for and empty. Without
 * one there is nothing to move.
 */
export function moveContacts(values: Values, asked: (keyof Contacts)[]): { moved: Finding[]; change: Change } {
  const change: Change = {};
  const moved: Finding[] = [];
  for (const name of PRIVATE) {
    const [first] = findInReport(values).filter(({ kind }) => kind === name);
    if (!first || !asked.includes(name) || values[name].trim()) continue;
    change[name] = spell(first);
    moved.push(first);
  }
  for (const name of PUBLIC) {
    let text = values[name];
    for (const { kind, text: wanted } of moved) {
      let found;
      // Its place is another one after each that was taken out, and it may stand there twice.
      while ((found = findPersonalData(text).find(one => one.kind === kind && one.text === wanted)))
        text = takeOut(text, found);
    }
    if (text !== values[name]) change[name] = text;
  }
  return { moved, change };
}
