/** What happens on days in a collection: its entries. */

import type { Question } from "./contract.ts";

/** Whether entries are on days: then the list has those to come, or those that are past. */
export const isDated = (fields: Pick<Question, "code" | "datatype">[]): boolean =>
  fields.some(({ code: question, datatype }) => question === "begins" && datatype === "datetime");
