/** Texts, plurals, dates and numbers of one language, always in the site's own time zone. */

import type ru from "../locales/ru.json";
import type { Outcomes, Status } from "./contract.ts";

/** Parts of the dictionary: `widget` comes with every widget, `browse` with the extended one, `collection` with
 * collections, `later` with all else. */
export type Part = keyof typeof ru;
type Merged<T> = (T extends unknown ? (one: T) => void : never) extends (all: infer All) => void ? All : never;
/** What became of a report, or why it was rejected. */
export type Outcome = Exclude<keyof Outcomes, "received" | "rejected_by_reason" | "share_resolved"> | Reason;
type Reason = "abuse" | "personal_data" | "not_a_problem" | "no_place" | "spam" | "other" | "unstated";
/** With the names of statuses and outcomes, which the build takes from the service's dictionaries. */
export type Texts = Merged<(typeof ru)[Part]> & Record<Status | `outcome_${Outcome}`, string>;
type Plain = { [K in keyof Texts]: Texts[K] extends string ? K : never }[keyof Texts];
type Counted = { [K in keyof Texts]: Texts[K] extends { other: string } ? K : never }[keyof Texts];
type Values = Record<string, string | number>;

export interface Language {
  /** «ru»: as the service is asked in it. */
  lang: string;
  /** For Intl. */
  locale: string;
  texts: Texts;
  t(key: Plain, values?: Values): string;
  count(key: Counted, n: number): string;
  number(n: number): string;
  /** A moment, or a local date `YYYY-MM-DD`. */
  date(when: string | number): string;
  time(when: string | number): string;
}

const fill = (text: string, values: Values = {}) =>
  text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name]));

export function language(lang: string, texts: Texts, timeZone?: string): Language {
  const locale = texts.locale;
  const plurals = new Intl.PluralRules(locale);
  // To make a formatter takes a cheap phone a millisecond and more; a list asks for a date a card.
  const formats: Record<string, Intl.DateTimeFormat> = {};
  const format = (moment: number, options: Intl.DateTimeFormatOptions) =>
    (formats[JSON.stringify(options)] ||= new Intl.DateTimeFormat(locale, options)).format(moment);
  const figures = new Intl.NumberFormat(locale);
  const number = (n: number) => figures.format(n).replace(/\s/g, "\u202f");
  return {
    lang,
    locale,
    texts,
    // A key without a text is shown as it is: one label less is no reason for the form to fail.
    t: (key, values) => fill(texts[key] || key, values),
    count(key, n) {
      const forms: Record<string, string> = texts[key] || {};
      return fill(forms[plurals.select(n)] || forms.other || key, { n: number(n) });
    },
    number,
    date(when) {
      const moment = new Date(when);
      // A year off by the hours between two zones is no harm: then it is only said more often.
      const year = moment.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
      const timeZoneOfDay = String(when).length === 10 ? "UTC" : timeZone;
      // The day stays beside its month.
      return format(moment.getTime(), { day: "numeric", month: "long", year, timeZone: timeZoneOfDay }).replace(
        " ",
        "\u00a0"
      );
    },
    time: when => format(new Date(when).getTime(), { hour: "2-digit", minute: "2-digit", timeZone })
  };
}
