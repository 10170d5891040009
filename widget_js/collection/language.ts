/** The words of the widget where it shows entries, not problems. */

import type { Language } from "../shared/i18n.ts";

/** A text whose name begins with the preset, or with `entry`, stands for the one without it. */
export function ofEntries(language: Language, preset: string): Language {
  const named = <Key extends string>(key: Key): Key =>
    ([`${preset}_${key}`, "entry_" + key].find(one => one in language.texts) || key) as Key;
  return {
    ...language,
    t: (key, values) => language.t(named(key), values),
    count: (key, n) => language.count(named(key), n)
  };
}
