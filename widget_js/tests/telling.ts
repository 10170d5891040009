/** What a person is told of a part of a document, in lines, and which lines an act changes. */

import { FakeElement, type FakeNode } from "./fakeDocument.ts";

/** What is for the eyes alone, or said with the element. */
const QUIET = /^(d|viewBox|aria-hidden|for|rel|rows|data-step|tabIndex|value)$/;
const TOLD = /^(error|bad|notice|on|past|now)$/;
const CONTROL = /^(input|textarea|select)$/;

/** Without the spaces at the ends of each element. */
export const wordsOf = (node: FakeNode): string =>
  node instanceof FakeElement ? node.childNodes.map(wordsOf).join("").replace(/\s+/g, " ").trim() : node.data;
export const nameOf = (element: FakeElement): string =>
  (element.id && "#" + element.id) || `${element.localName} ${wordsOf(element)}`.trim();

const isWords = (node: FakeNode): boolean =>
  !(node instanceof FakeElement) ||
  node.localName === "svg" ||
  (node.localName === "span" && !node.attributes.size && node.childNodes.every(isWords));

/** A line each for what has a role or a state, and for each text. */
export function read(whole: FakeElement): string[] {
  /** Identifiers of what describes a control; labels by identifiers. */
  const describing = new Set<string>();
  const labels = new Map<string, string>();
  for (const one of whole.all()) {
    for (const id of (one.getAttribute("aria-describedby") || "").split(" ")) describing.add(id || "none");
    const of = one.getAttribute("for");
    if (of) labels.set(of, wordsOf(one));
  }
  /** The texts of the elements that an attribute names. */
  const named = (ids: string): string =>
    ids
      .split(" ")
      .filter(Boolean)
      .map(id => {
        const found = whole.getElementById(id);
        return found ? wordsOf(found) : `no #${id}`;
      })
      .join(" ");
  const lines = (element: FakeElement): string[] => {
    const { localName, id, value, checked, attributes, childNodes } = element;
    if (localName === "svg" || (localName === "label" && attributes.has("for"))) return [];
    // Read with the control that it describes.
    if (describing.has(id)) return [];
    const isControl = CONTROL.test(localName);
    const told: string[] = [];
    for (const [name, text] of attributes) {
      const classes = text.split(" ").filter(one => TOLD.test(one));
      if (name === "class") told.push(...classes);
      else if (QUIET.test(name) || (name === "type" && /button|text/.test(text))) continue;
      else if (name === "id") told.push(...(isControl ? [] : ["#" + text]));
      else if (/^aria-(describedby|labelledby)$/.test(name)) told.push(`${name}=(${named(text)})`);
      else told.push(`${name}=${/^(hidden|open)$/.test(name) || text}`);
    }
    if (value) told.push("value=" + (localName === "progress" ? value : JSON.stringify(value)));
    if (checked) told.push("checked");
    if (isControl) told.unshift(localName, ...[id && "#" + id, labels.get(id) || ""].filter(Boolean));
    else if (/^(button|a|img|h\d|time|option|progress|legend)$/.test(localName)) told.unshift(localName);
    const text = wordsOf(element);
    const control = localName === "label" && element.querySelector("input,textarea,select");
    if (control) {
      const links = element.querySelectorAll("a");
      return [[...lines(control), ...told, JSON.stringify(text)].join(" "), ...links.flatMap(lines)];
    }
    if (childNodes.every(isWords) && (text || told.length))
      return [[...told, ...(text ? [JSON.stringify(text)] : [])].join(" ")];
    const rest = childNodes.flatMap(node =>
      node instanceof FakeElement ? lines(node) : node.data.trim() ? [JSON.stringify(node.data.trim())] : []
    );
    return told.length ? [told.join(" "), ...rest] : rest;
  };
  return whole.childNodes.flatMap(node => (node instanceof FakeElement ? lines(node) : []));
}

/** Lines that went and came. */
export function difference(before: string[], now: string[]): string[] {
  const longest: number[][] = Array.from({ length: before.length + 1 }, () => Array(now.length + 1).fill(0));
  for (let one = before.length - 1; one >= 0; one--)
    for (let other = now.length - 1; other >= 0; other--)
      longest[one]![other] =
        before[one] === now[other]
          ? 1 + longest[one + 1]![other + 1]!
          : Math.max(longest[one + 1]![other]!, longest[one]![other + 1]!);
  const found: string[] = [];
  for (let one = 0, other = 0; one < before.length || other < now.length;) {
    if (before[one] === now[other] && one < before.length) {
      one++;
      other++;
    } else if (other >= now.length || (one < before.length && longest[one + 1]![other]! >= longest[one]![other + 1]!))
      found.push("- " + before[one++]!.trim());
    else found.push("+ " + now[other++]!.trim());
  }
  // The same control in another state: as it is now. What was long and went as a whole: its ends.
  const gone = found.filter(line => line.startsWith("- ")).map(control);
  const come = found.filter(line => line.startsWith("+ ")).map(control);
  const isChanged = (line: string) => gone.includes(control(line)) && come.includes(control(line));
  return found
    .filter(line => !(line.startsWith("- ") && isChanged(line)))
    .map(line => (isChanged(line) ? line.replace("+", "~") : line))
    .filter((line, index, all) => {
      const isInside = [-2, -1, 1, 2].every(by => all[index + by]?.startsWith("- "));
      return !(line.startsWith("- ") && isInside);
    });
}
const control = (line: string): string => (/^. (?:input|textarea|select) #[^ ]+/.exec(line) || [line])[0].slice(2);
