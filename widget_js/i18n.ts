/** Texts, plurals, dates and numbers of one language, always in the site's own time zone. */

import type ru from "./locales/ru.json";

/** `form` comes with every widget, `list` with the extended one (city.tsx), the others with the chunks of their names. */
export type Texts = typeof ru.form & typeof ru.done & typeof ru.list & typeof ru.problem & typeof ru.talk & typeof ru.map & typeof ru.photos & typeof ru.filters & typeof ru.figures;
type Plain = { [K in keyof Texts]: Texts[K] extends string ? K : never }[keyof Texts];
type Counted = { [K in keyof Texts]: Texts[K] extends { other: string } ? K : never }[keyof Texts];
type Values = Record<string, string | number>;

/** Texts are called by name, T.close; the build turns the names into numbers and the texts into arrays (a kilobyte less). */
export const T = /* @__PURE__ */ new Proxy({}, { get: (_, name) => name }) as { readonly [K in keyof Texts]: K };

export interface Language {
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

const fill = (text: string, values: Values = {}) => text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name]));

export function language(texts: Texts, timeZone?: string): Language {
  const locale = texts[T.locale];
  const plurals = new Intl.PluralRules(locale);
  const format = (moment: number, options: Intl.DateTimeFormatOptions, zone = timeZone) =>
    new Intl.DateTimeFormat(locale, { ...options, timeZone: zone }).format(moment);
  const number = (n: number) => new Intl.NumberFormat(locale).format(n).replace(/\s/g, "\u202f");
  return {
    locale,
    texts,
    t: (key, values) => fill(texts[key], values),
    count(key, n) {
      const forms = texts[key] as Record<string, string> & { other: string };
      return fill(forms[plurals.select(n)] || forms.other, { n: number(n) });
    },
    number,
    date(when) {
      const zone = String(when).length === 10 ? "UTC" : timeZone;
      const moment = new Date(when);
      // A year off by the hours between two zones is no harm: then it is only said more often.
      const year = moment.getFullYear() === new Date().getFullYear() ? undefined : "numeric";
      return format(moment.getTime(), { day: "numeric", month: "long", year }, zone);
    },
    time: when => format(new Date(when).getTime(), { hour: "2-digit", minute: "2-digit" }),
  };
}
