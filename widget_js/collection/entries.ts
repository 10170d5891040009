/** What can be told of a collection and of its entries. */

import type { Collection, Configuration, Question, Voting } from "../shared/contract.ts";
import type { Language } from "../shared/i18n.ts";
import type { Shown } from "../shared/site.ts";
import { isClosed } from "../shared/statusStyle.ts";

/** An answer in words; empty where there is none. */
function describe(
  { datatype, values }: Question,
  given: string | string[] | undefined,
  { date, number }: Language
): string {
  if (!given) return "";
  if (Array.isArray(given) || values.length)
    return [given]
      .flat()
      .map(key => (values.find(option => option.key === key) || { name: key }).name)
      .join(", ");
  if (datatype === "datetime") return date(given.slice(0, 10));
  return datatype === "number" && !isNaN(+given) ? number(+given) : given;
}

/** As many roles, of as many characters, as the service takes of an answer (participation/model.py). */
const MAX_ROLES = 12;
const MAX_ROLE_LENGTH = 60;

/** The roles that an entry looks for, by the answer that names them. */
export function rolesOf({ answers }: Shown, code: string | null): string[] {
  const given = (code && new Map(Object.entries(answers || {})).get(code)) || "";
  const roles = (Array.isArray(given) ? given : given.split(/[,;\n]/)).map(role =>
    [...role.replace(/\s+/g, " ").trim()].slice(0, MAX_ROLE_LENGTH).join("")
  );
  return [...new Set(roles.filter(Boolean))].slice(0, MAX_ROLES);
}

/** Whether the last day of a dated entry is over; the answers are in the site's time zone. */
export function isOver({ answers }: Shown, now: number): boolean {
  const { begins, ends } = answers || {};
  const last = String(ends || begins || "");
  return Date.parse(`${last.slice(0, 10)}T23:59:59${last.slice(19)}`) < now;
}

/** Those that were given, in the order of the questions. A code may be named like a member of every object. */
export function answersOf(
  { answers, category }: Shown,
  { categories }: Configuration,
  language: Language,
  except: string[] = []
): [question: string, answer: string][] {
  const given = new Map(Object.entries(answers || {}));
  const { questions } = categories.find(({ code }) => code === category) || { questions: [] };
  return questions
    .filter(({ code }) => !except.includes(code))
    .map((one): [string, string] => [one.description, describe(one, given.get(one.code), language)])
    .filter(([, answer]) => answer);
}

/** Questions whose answers have a line of their own on a card. */
export const LINES = ["cost", "own_share", "price", "begins", "ends"];

/** One answer, or nothing. */
const answerOf = ({ answers }: Shown, code: string): string =>
  String(new Map(Object.entries(answers || {})).get(code) || "");

/** What a project costs and what residents give for it, or the price of a programme; empty for neither. */
export function moneyOf(entry: Shown, { t, number }: Language): string {
  const [cost, share, price] = ["cost", "own_share", "price"].map(code => {
    const amount = answerOf(entry, code);
    return amount && !isNaN(+amount) ? number(+amount) : "";
  });
  if (cost && share && share !== "0") return t("money_shared", { cost, share });
  return !cost && price === "0" ? t("money_free") : cost || price ? t("money", { cost: cost || price! }) : "";
}

/** The days of a dated entry. */
export function daysOf(entry: Shown, { date }: Language): string {
  const days = ["begins", "ends"].map(code => answerOf(entry, code).slice(0, 10)).filter(Boolean);
  return [...new Set(days)].map(date).join(" – ");
}

/** How many voices or people an entry needs; 0 where nobody said. */
export const neededBy = (entry: Shown, { action, voting }: Collection): number =>
  voting ? voting.threshold || 0 : (action === "join" && +answerOf(entry, "people")) || 0;

/** What can be done with an entry in the list now. */
export function actOf(
  entry: Shown,
  { action, voting }: Collection,
  now: number,
  language: Language
): "vote" | "join" | "contact" | "" {
  if (action === "none" || action === "support" || isClosed(entry)) return "";
  if (voting && !within(voting, now, language, true).taking) return "";
  return action === "join" && isOver(entry, now) ? "" : action;
}

/** Whether its page shows which support there is in which region. */
export const isCovered = (fields: Question[]): boolean =>
  ["region", "support"].every(code => fields.some(one => one.code === code));

/** How many take part. */
export const counted = (
  { participants }: Shown,
  { action }: Collection,
  { t, number }: Language
): [question: string, answer: string][] =>
  participants && (action === "vote" || action === "join") ? [[t(`people_${action}`), number(participants)]] : [];

/** Whether residents may add an entry, or vote, and what is to be said of the period. */
interface Period {
  taking: boolean;
  text: string;
}

/** Of entries. */
export const period = (collection: Collection, now: number, language: Pick<Language, "t" | "date">): Period =>
  collection.who === "residents"
    ? within(collection, now, language)
    : { taking: false, text: language.t(collection.who === "invited" ? "who_invited" : "who_agency") };

/** Of votes, with how many of its voices this browser has left; `given`: those it gave. */
export function ballot(voting: Voting, given: number, language: Language): Period {
  const { t, count, number } = language;
  const { taking, text } = within(voting, Date.now(), language, true);
  const all = voting.per_person;
  const left = Math.max(0, all - given);
  const voices = !given
    ? count("vote_each", all)
    : left
      ? t("vote_left", { left: number(left), all: number(all) })
      : t("vote_left_none");
  return { taking, text: taking ? `${text} ${voices}`.trim() : text };
}

/** Of votes, or of entries. */
function within(
  { opens_at: opens, closes_at: closes }: Pick<Collection, "opens_at" | "closes_at">,
  now: number,
  { t, date }: Pick<Language, "t" | "date">,
  voting?: boolean
): Period {
  if (opens && Date.parse(opens) > now)
    return { taking: false, text: t(voting ? "vote_opens" : "opens", { date: date(opens) }) };
  if (!closes) return { taking: true, text: "" };
  const end = Date.parse(closes);
  const taking = end > now;
  // Days end at midnight, which is the next day's: the last one is named.
  return { taking, text: t(`${voting ? "vote_" : ""}${taking ? "closes" : "closed_since"}`, { date: date(end - 1) }) };
}

/** The slugs of an attribute, each once. */
export const slugsOf = (attribute: string): string[] => [...new Set(attribute.split(/[\s,]+/).filter(Boolean))];
