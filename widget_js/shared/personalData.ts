/**
 * Finds telephone numbers, e-mail addresses, vehicle plates and numbers of documents in a text that everybody will
 * read. It runs in the browser: for a warning nothing is sent anywhere.
 *
 * The service removes telephone numbers and addresses from logs (widget_api/redaction.py). There a digit too many is
 * harmless; here a false alarm teaches people to overlook the warning, so local spellings count, and dates, sums and
 * numbers of documents do not.
 */

export type Kind = "phone" | "email" | "plate" | "passport" | "snils" | "card";
export interface Finding {
  kind: Kind;
  text: string;
  start: number;
}

/** Between the digits of a telephone number; also the hyphens and dashes of word processors. */
const GAP = "[\\s()\u2010-\u2015-]{0,3}";
/** Letters of Russian plates (GOST R 50577), or the Latin ones that look the same. */
const LETTER = "[АВЕКМНОРСТУХABEKMHOPCTYX]";
const START = "(?<![\\p{L}\\d])";
const END = "(?![\\p{L}\\d])";

/** Whether a text ends with one of these words, and with no other letter or digit after it. */
const endsWith = (words: string[], more = ""): RegExp =>
  new RegExp(`(?<!\\p{L})(${words.join("|")})${more}[^\\p{L}\\d]*$`, "iu");

/** What stands before a number that belongs to no person: of a letter, an account, a standard, a company. */
const OFFICIAL = endsWith([
  ".*№",
  "сч[её]т\\p{L}*",
  "(заявк|обращени)\\p{L}+",
  "(заказ|договор|контракт|штрих-?код)\\p{L}*",
  "акт(а|у|ом|е)?",
  "ГОСТ|ТУ|ИНН|ОГРН|КПП",
  "no\\.|ticket|order"
]);
/** What stands before a telephone number. */
const CALL = endsWith(
  [
    "(тел|моб|сот)(?!\\p{L})",
    "телефон(?!н)\\p{L}{0,2}",
    "(мобильн|сотов)(ый|ого)",
    "ватсап|what'?s?app|вайбер|телеграм",
    "(tele)?phone|tel|mobile"
  ],
  "( \\p{L}+)?"
);
/** 1 234 567 890: a sum. */
const SUM = /^\d{1,3}(\s\d{3})+$/;
/** 12-11-25: a date. Houses and routes are listed with even more hyphens, or after their word. */
const DATE = /^(0?[1-9]|[12]\d|3[01])-(0?[1-9]|1[012])-\d\d$/;
const LISTED = endsWith(["дом(а|у|е|ах|ов|ами)?|houses?", "(маршрут|автобус|квартир|участ)\\p{L}*|bus(es)?", "кв|д"]);
/** What stands before a vehicle plate. */
const PLATED = endsWith(["номер|номером|plate", "гос\\p{L}*", "(автомобил|машин)\\p{L}+"]);
/** Units of measurement in letters of plates: «в 100 см 20 …». */
const UNIT = /^..?\d{3}(СМ|КМ|ММ|КВ|МК|CM|KM|MM)/i;

/** The digit that ends a bank card's number (ISO/IEC 7812-1, annex B). */
const isCard = (text: string): boolean =>
  [...text.replace(/\D/g, "")].reduceRight((sum, digit, index, all) => {
    const isDoubled = (all.length - index) % 2 === 0;
    return sum + (isDoubled ? (+digit * 2 > 9 ? +digit * 2 - 9 : +digit * 2) : +digit);
  }, 0) %
    10 ===
  0;

type Rule = [kind: Kind, pattern: RegExp, isMeant?: (text: string, before: string) => boolean];
/** In this order: what one has found is no longer there for the next. */
const RULES: Rule[] = [
  ["email", /[^\s@<>()[\]"'`«»“”,;:=/?#&]{1,64}@[\p{L}\d-]{1,63}(\.[\p{L}\d-]{2,63})+/giu],
  ["card", new RegExp(`${START}[2-6]\\d{3}([\\s-]?\\d{4}){3}${END}`, "gu"), isCard],
  ["snils", new RegExp(`${START}\\d{3}-\\d{3}-\\d{3}[\\s-]\\d\\d${END}`, "gu")],
  ["snils", /(?<=снилс\P{L}{0,3})\d{3}[\s-]?\d{3}[\s-]?\d{3}[\s-]?\d\d(?!\d)/giu],
  ["passport", /(?<=(паспорт|passport)[^\d\n]{0,20})\d\d\s?\d\d[^\d\n]{0,10}\d{6}(?!\d)/giu],
  ["passport", new RegExp(`${START}(\\d\\d\\s\\d\\d|(?!19|20)\\d{4})\\s(№\\s?)?\\d{6}${END}`, "gu")],
  // Whole, as people write them: +7 900 123-45-67, 8 (49645) 2-34-56; 8 800 is nobody's own.
  [
    "phone",
    new RegExp(`${START}(\\+${GAP}7|[78])${GAP}(?!800)[3-9](${GAP}\\d){9}${END}`, "gu"),
    (text, before) => !SUM.test(text) && !OFFICIAL.test(before)
  ],
  ["phone", new RegExp(`${START}8\\.\\d{3}\\.\\d{3}\\.\\d\\d\\.?\\d\\d${END}`, "gu")],
  ["phone", new RegExp(`\\+${GAP}[1-9](${GAP}\\d){9,13}${END}`, "gu")],
  // Without the first digit: 900 123-45-67, (495) 123-45-67.
  [
    "phone",
    new RegExp(
      `${START}(\\([3489]\\d\\d\\)\\s?|[3489]\\d\\d(?<!800)[\\s-])\\d{3}-\\d\\d-\\d\\d${END}|${START}9\\d{9}${END}`,
      "gu"
    ),
    (_, before) => !OFFICIAL.test(before)
  ],
  // Local: 2-34-56, 12-34-56, 123-45-67; in other spellings after a word for it.
  [
    "phone",
    /(?<![\p{L}\d]|[\d.]-)\d{1,3}-\d\d-\d\d(?![\p{L}\d-])/gu,
    (text, before) => CALL.test(before) || (!DATE.test(text) && !OFFICIAL.test(before) && !LISTED.test(before))
  ],
  ["phone", /(?<![\p{L}\d])\d{1,3}[\s-]?\d\d[\s-]?\d\d(?![\p{L}\d-])/gu, (_, before) => CALL.test(before)],
  // А123ВС77, а123вс77, А 123 ВС 777; in small letters apart only after a word for it: «у 100 на 50 метров».
  [
    "plate",
    new RegExp(`${START}${LETTER}\\s?\\d{3}\\s?${LETTER}{2}(\\s?\\d{2,3}(\\s?RUS)?)?${END}`, "giu"),
    (text, before) => {
      const parts = text.replace(/\s/g, "");
      if (UNIT.test(parts)) return false;
      if (PLATED.test(before)) return true;
      return text === text.toUpperCase() || (/\d\d$/.test(parts) && /^\p{L}\d/u.test(text));
    }
  ]
];

/** In the order of the text. */
export function findPersonalData(text: string): Finding[] {
  const found: Finding[] = [];
  let rest = text;
  for (const [kind, pattern, isMeant] of RULES)
    rest = rest.replace(pattern, (match: string, ...more: unknown[]) => {
      const start = more.find(one => typeof one === "number")!;
      if (isMeant && !isMeant(match, rest.slice(Math.max(0, start - 40), start))) return match;
      found.push({ kind, text: match, start });
      return "\0".repeat(match.length);
    });
  return found.sort((one, other) => one.start - other.start);
}

/** Words that announce what follows them, and are left without a sense when it is gone. */
const LEAD = new RegExp(
  "(?<!\\p{L})((мой|моя|мои|наш|my|our)\\s+)?" +
    "((контактн(ый|ая)|домашний|мобильный|рабочий|электронн(ый|ая))\\s+)?" +
    "(номер телефона|тел|телефон|моб|сот|почта|адрес почты|эл\\.? почта|e-?mail" +
    "|(телефон |номер )?для связи|контакты?|phone|tel|mobile)[\\s.:—–-]*$",
  "iu"
);

/** What asks to call or write there, or its preposition alone. */
const ASK = new RegExp(
  "(?<!\\p{L})((поз|з)вон(ите|и|ить)|(на)?(пишите|пиши|писать)|call|write)" +
    "([ \\t]+(мне|нам|me|us))?([ \\t]+(по|на|at|to)([ \\t]+(телефону|номеру|адресу|почту))?)?[ \\t:—–-]*$" +
    "|(?<!\\p{L})(по|на|at|to)([ \\t]+(телефону|номеру|адресу|почту))?[ \\t:—–-]*$",
  "iu"
);

/** The text without this one, and without what it leaves behind: its lead-in, doubled spaces and stops. */
export function takeOut(text: string, { start, text: { length } }: Finding): string {
  const after = text.slice(start + length);
  let before = text.slice(0, start).replace(LEAD, "").replace(ASK, "");
  // Nothing follows in the sentence: what led on to it leads nowhere.
  if (/^[ \t]*([.!?)\n]|$)/.test(after)) before = before.replace(/[ \t,;:—–-]+$/, "");
  return (before + after)
    .replace(/\(\s*\)/g, "")
    .replace(/[ \t]+/g, " ")
    .replace(/ ([,.;:])/g, "$1")
    .replace(/([,.;:])[,;:.]+/g, "$1")
    .replace(/^[ ,.;:]+/gm, "")
    .trim();
}
