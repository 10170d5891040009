/** Texts, plurals, dates and numbers of one language, always in the site's own time zone. */

import type ru from "./locales/ru.json";

export type Texts = typeof ru;
type Plain = { [K in keyof Texts]: Texts[K] extends string ? K : never }[keyof Texts];
type Counted = { [K in keyof Texts]: Texts[K] extends { other: string } ? K : never }[keyof Texts];
type Values = Record<string, string | number>;

export interface Language {
  texts: Texts;
  t(key: Plain, values?: Values): string;
  count(key: Counted, n: number): string;
  number(n: number): string;
  /** A moment, or a local date `YYYY-MM-DD`. */
  date(when: string | number): string;
  time(when: string | number): string;
  age(when: string): string;
}

const fill = (text: string, values: Values = {}) =>
  text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31536000], ["month", 2592000], ["week", 604800], ["day", 86400], ["hour", 3600], ["minute", 60],
];

export function language(texts: Texts, timeZone?: string): Language {
  const locale = texts.locale;
  const plurals = new Intl.PluralRules(locale);
  const format = (moment: number, options: Intl.DateTimeFormatOptions, zone = timeZone) =>
    new Intl.DateTimeFormat(locale, { ...options, ...(zone && { timeZone: zone }) }).format(moment);
  const number = (n: number) => new Intl.NumberFormat(locale).format(n).replace(/[\u00a0 ]/g, "\u202f");
  return {
    texts,
    t: (key, values) => fill(texts[key], values),
    count(key, n) {
      const forms = texts[key] as Record<string, string> & { other: string };
      return fill(forms[plurals.select(n)] ?? forms.other, { n: number(n) });
    },
    number,
    date(when) {
      const local = typeof when === "string" && when.length === 10;
      const zone = local ? "UTC" : timeZone;
      const moment = new Date(when).getTime();
      const year = format(moment, { year: "numeric" }, zone) !== format(Date.now(), { year: "numeric" });
      return format(moment, { day: "numeric", month: "long", ...(year && { year: "numeric" }) }, zone);
    },
    time: when => format(new Date(when).getTime(), { hour: "2-digit", minute: "2-digit" }),
    age(when) {
      const seconds = (Date.now() - new Date(when).getTime()) / 1000;
      const [unit, size] = STEPS.find(step => seconds >= step[1]) ?? STEPS[5]!;
      if (seconds < 60) return texts.just_now;
      return new Intl.RelativeTimeFormat(locale, { numeric: "auto" }).format(-Math.floor(seconds / size), unit);
    },
  };
}
