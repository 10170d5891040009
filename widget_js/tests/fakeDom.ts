/** As much of a document as views are drawn into and ask for, what it shows in lines, and what befalls it. */

interface Event {
  type: string;
  target: FakeElement;
  currentTarget: FakeElement;
}
type Listener = (event: Event) => void;

export class FakeText {
  nodeType = 3;
  parentNode: FakeElement | null = null;
  private words = "";
  constructor(data: unknown) {
    this.data = data as string;
  }
  get data(): string {
    return this.words;
  }
  set data(data: string) {
    this.words = String(data);
  }
  get nextSibling(): FakeNode | null {
    return after(this);
  }
  remove(): void {
    this.parentNode!.removeChild(this);
  }
}
export type FakeNode = FakeText | FakeElement;

const after = (node: FakeNode): FakeNode | null => {
  const all = node.parentNode ? node.parentNode.childNodes : [];
  return all[all.indexOf(node) + 1] || null;
};

/** What is for the eyes alone, or said with the element. */
const QUIET = /^(d|viewBox|aria-hidden|for|rel|rows|data-step|tabIndex)$/;
const TOLD = /^(error|bad|notice|on|past|now)$/;
const CONTROL = /^(input|textarea|select)$/;

export class FakeElement {
  nodeType = 1;
  parentNode: FakeElement | null = null;
  childNodes: FakeNode[] = [];
  namespaceURI = "";
  value = "";
  checked = false;
  files: Blob[] = [];
  readonly style: Record<string, string> = {};
  readonly dataset: Record<string, string> = {};
  readonly attributes = new Map<string, string>();
  readonly listeners = new Map<string, Set<Listener>>();

  constructor(
    readonly localName: string,
    readonly ownerDocument: FakeDocument
  ) {}

  get nextSibling(): FakeNode | null {
    return after(this);
  }
  get firstChild(): FakeNode | null {
    return this.childNodes[0] || null;
  }
  get children(): FakeElement[] {
    return this.childNodes.filter(node => node instanceof FakeElement);
  }
  get offsetWidth(): number {
    return this.ownerDocument.width;
  }
  get id(): string {
    return this.attributes.get("id") || "";
  }
  set id(value: string) {
    this.setAttribute("id", value);
  }
  insertBefore(node: FakeNode, before: FakeNode | null): void {
    if (node.parentNode) node.parentNode.take(node);
    this.childNodes.splice(before ? this.childNodes.indexOf(before) : Infinity, 0, node);
    node.parentNode = this;
  }
  private take(node: FakeNode): void {
    this.childNodes.splice(this.childNodes.indexOf(node), 1);
    node.parentNode = null;
  }
  removeChild(node: FakeNode): void {
    const { activeElement } = this.ownerDocument;
    if (activeElement && node instanceof FakeElement && node.contains(activeElement))
      this.ownerDocument.activeElement = null;
    this.take(node);
  }
  remove(): void {
    this.parentNode!.removeChild(this);
  }
  contains(other: FakeElement): boolean {
    for (let node: FakeElement | null = other; node; node = node.parentNode) if (node === this) return true;
    return false;
  }
  setAttribute(name: string, value: unknown): void {
    this.attributes.set(name, String(value));
    if (name.startsWith("data-")) this.dataset[name.slice(5)] = String(value);
  }
  getAttribute(name: string): string | null {
    return this.attributes.get(name) ?? null;
  }
  removeAttribute(name: string): void {
    this.attributes.delete(name);
  }
  addEventListener(name: string, listener: Listener): void {
    if (!this.listeners.has(name)) this.listeners.set(name, new Set());
    this.listeners.get(name)!.add(listener);
  }
  removeEventListener(name: string, listener: Listener): void {
    this.listeners.get(name)?.delete(listener);
  }
  get listening(): number {
    return [...this.listeners.values()].reduce((sum, { size }) => sum + size, 0);
  }
  /** Up to the root; what was prevented and stopped is told. */
  fire(type: string, more: object = {}): string[] {
    const said: string[] = [];
    const event = Object.assign(
      { type, target: this as FakeElement, preventDefault: () => void said.push("prevented") },
      { stopPropagation: () => void said.push("stopped"), currentTarget: this as FakeElement },
      more
    );
    const path: FakeElement[] = [];
    for (let node = event.target as FakeElement | null; node; node = node.parentNode) path.push(node);
    for (const node of path) {
      if (said.includes("stopped")) break;
      event.currentTarget = node;
      for (const listener of [...(node.listeners.get(type) || [])]) listener.call(node as never, event);
    }
    return said;
  }
  click(): void {
    this.fire("click", { detail: 1 });
  }
  focus(): void {
    const { ownerDocument: owner } = this;
    if (owner.activeElement === this || !owner.contains(this)) return;
    if (!this.attributes.has("tabIndex") && !/^(input|textarea|select|button|a)$/.test(this.localName)) return;
    if (owner.activeElement) owner.activeElement.fire("blur");
    owner.activeElement = this;
    owner.log("focus: " + this.name);
    this.fire("focusin");
  }
  select(): void {
    this.ownerDocument.log("select: " + this.name);
  }
  scrollIntoView(): void {
    this.ownerDocument.log("show: " + this.name);
  }
  getBoundingClientRect(): { top: number } {
    return { top: 0 };
  }
  matches(selector: string): boolean {
    const { activeElement } = this.ownerDocument;
    if (selector === ":focus-within") return !!activeElement && this.contains(activeElement);
    if (selector === ":focus") return activeElement === this;
    const [, tag, name, attribute] = /^(\w*)(?:\.(\w+))?(?:\[([\w-]+)\])?$/.exec(selector)!;
    return (
      (!tag || tag === this.localName) &&
      (!name || (this.attributes.get("class") || "").split(" ").includes(name)) &&
      (!attribute || this.attributes.has(attribute))
    );
  }
  closest(selector: string): FakeElement | null {
    return this.matches(selector) ? this : this.parentNode && this.parentNode.closest(selector);
  }
  all(found: FakeElement[] = []): FakeElement[] {
    for (const child of this.children) child.all((found.push(child), found));
    return found;
  }
  querySelector(selector: string): FakeElement | null {
    return this.all().find(one => one.matches(selector)) || null;
  }
  get text(): string {
    return this.childNodes
      .map(node => (node instanceof FakeText ? node.data : node.text))
      .join("")
      .replace(/\s+/g, " ")
      .trim();
  }
  get name(): string {
    return (this.id && "#" + this.id) || `${this.localName} ${this.text}`.trim();
  }
  /** The texts of the elements that an attribute names. */
  private named(attribute: string): string {
    const ids = (this.getAttribute(attribute) || "").split(" ").filter(Boolean);
    return ids.map(id => this.ownerDocument.getElementById(id)?.text ?? `no #${id}`).join(" ");
  }
  /** What a person is told of it: a line each for what has a role or a state, and for each text. */
  lines(): string[] {
    const { localName, value, checked, ownerDocument } = this;
    if (localName === "svg" || (localName === "label" && this.attributes.has("for"))) return [];
    const isControl = CONTROL.test(localName);
    // Read with the control that it describes.
    if (ownerDocument.describing.has(this.id)) return [];
    const told: string[] = [];
    for (const [name, text] of this.attributes) {
      const classes = text.split(" ").filter(one => TOLD.test(one));
      if (name === "class" ? !classes.length : name === "id" ? isControl : QUIET.test(name)) continue;
      if (name === "class") told.push(...classes);
      else if (name === "id") told.push("#" + text);
      else if (name === "type" && /button|text/.test(text)) continue;
      else
        told.push(/^aria-(describedby|labelledby)$/.test(name) ? `${name}=(${this.named(name)})` : `${name}=${text}`);
    }
    if (value) told.push("value=" + JSON.stringify(value));
    if (checked) told.push("checked");
    if (isControl) {
      const label = ownerDocument.labels.get(this.id);
      told.unshift(localName, ...(this.id ? ["#" + this.id] : []), ...(label ? [label] : []));
    } else if (/^(button|a|img|h\d|time|option|progress|legend)$/.test(localName)) told.unshift(localName);
    const isPlain = this.childNodes.every(isWords);
    const { text } = this;
    const control = localName === "label" && this.all().find(one => CONTROL.test(one.localName));
    if (control) {
      const links = this.all().filter(one => one.localName === "a");
      return [[...control.lines(), ...told, JSON.stringify(text)].join(" "), ...links.flatMap(one => one.lines())];
    }
    if (isPlain && (text || told.length)) return [[...told, ...(text ? [JSON.stringify(text)] : [])].join(" ")];
    const rest = this.childNodes.flatMap(node =>
      node instanceof FakeText ? (node.data.trim() ? [JSON.stringify(node.data.trim())] : []) : node.lines()
    );
    return told.length ? [told.join(" "), ...rest] : rest;
  }
}
const isWords = (node: FakeNode): boolean =>
  node instanceof FakeText ||
  node.localName === "svg" ||
  (node.localName === "span" && !node.attributes.size && node.childNodes.every(isWords));

/** The shadow root of a widget whose dialog is open: what stands in there is attended to. */
export class FakeDocument extends FakeElement {
  activeElement: FakeElement | null = null;
  adoptedStyleSheets: unknown[] = [];
  /** Identifiers of what describes a control; labels by identifiers. */
  readonly describing = new Set<string>();
  readonly labels = new Map<string, string>();

  constructor(
    public width: number,
    readonly log: (text: string) => void
  ) {
    super("dialog", null as unknown as FakeDocument);
    Object.assign(this, { ownerDocument: this });
    this.setAttribute("open", "");
  }
  createElementNS = (_: string, name: string) => new FakeElement(name, this);
  createElement = (name: string) => new FakeElement(name, this);
  createTextNode = (text: unknown) => new FakeText(text);
  read(): string[] {
    const all = this.all();
    this.describing.clear();
    this.labels.clear();
    for (const one of all) {
      for (const id of (one.getAttribute("aria-describedby") || "").split(" ")) this.describing.add(id || "none");
      const of = one.getAttribute("for");
      if (of) this.labels.set(of, one.text);
    }
    return this.lines().slice(1);
  }
  getElementById(id: string): FakeElement | null {
    return this.all().find(one => one.id === id) || null;
  }
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
