/** The words of the widget where it shows entries, not problems. */

import type { Language } from "../shared/i18n.ts";

/** A text whose name begins with `entry_` stands for the one without it. */
export function ofEntries(language: Language): Language {
  const named = <Key extends string>(key: Key): Key =>
    "entry_" + key in language.texts ? (("entry_" + key) as Key) : key;
  return {
    ...language,
    t: (key, values) => language.t(named(key), values),
    count: (key, n) => language.count(named(key), n)
  };
}
