/** How long ago, in words; a number stays beside its unit. */

import type { Language } from "../shared/i18n.ts";

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31536000],
  ["month", 2592000],
  ["week", 604800],
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60]
];

/** By locale: see i18n.ts. */
const formats: Record<string, Intl.RelativeTimeFormat> = {};

export function age({ locale, t }: Language, when: string): string {
  const seconds = (Date.now() - new Date(when).getTime()) / 1000;
  const step = STEPS.find(([, size]) => seconds >= size);
  return step
    ? (formats[locale] ||= new Intl.RelativeTimeFormat(locale, { numeric: "auto" }))
        .format(-Math.floor(seconds / step[1]), step[0])
        .replace(" ", "\u00a0")
    : t("just_now");
}
