/** What happens on days in a collection: its entries, or an answer to them. */

import type { Configuration, Question } from "./contract.ts";

/** Whether entries are on days: then the list has those to come, or those that are past. */
export const isDated = (fields: Pick<Question, "code" | "datatype">[]): boolean =>
  fields.some(({ code: question, datatype }) => question === "begins" && datatype === "datetime");

/** Whether the agency promises an answer by a day: always of problems, of some collections. */
export const isDue = ({ categories }: Configuration): boolean => categories.some(({ answer_due }) => answer_due);
