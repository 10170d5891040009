/** Filters from the questions of a collection: those with a choice, one option of each. */

import type { Question } from "../../shared/contract.ts";
import { isDated } from "../../shared/dated.ts";

const parts = (answers?: string): string[] => (answers ? answers.split(",") : []);

/** A comma ends an option in the address. */
export const choices = (questions: Question[]): Question[] =>
  questions.filter(({ values }) => values.length && !values.some(({ key }) => key.includes(",")));

/** The option that is chosen of a question; empty where none is. */
export const answered = (answers: string | undefined, code: string): string =>
  (parts(answers).find(one => one.startsWith(code + ":")) || "").slice(code.length + 1);

/** The same filter with another option of one question; an empty one takes it out. */
export const answer = (answers: string | undefined, code: string, key: string): string =>
  [...parts(answers).filter(one => !one.startsWith(code + ":")), key && `${code}:${key}`].filter(Boolean).sort().join();

/** Names of the options that are chosen; `past` is that of entries whose days are over. */
export const named = (answers: string | undefined, questions: Question[], past: string): string[] => [
  ...(isDated(questions) && answered(answers, "past") ? [past] : []),
  ...choices(questions).flatMap(({ code, values }) =>
    values.filter(({ key }) => key === answered(answers, code)).map(({ name }) => name)
  )
];
