/** A document made of plain objects, as far as Preact and the widget's views use one: elements, events, the focus. */

type Listener = (event: FakeEvent) => void;

export class FakeEvent {
  target: FakeElement | null = null;
  currentTarget: FakeElement | null = null;
  defaultPrevented = false;
  isStopped = false;
  isTrusted = true;
  constructor(
    readonly type: string,
    members: object = {}
  ) {
    Object.assign(this, members);
  }
  preventDefault(): void {
    this.defaultPrevented = true;
  }
  stopPropagation(): void {
    this.isStopped = true;
  }
}

class FakeNode {
  parentNode: FakeElement | null = null;
  childNodes: FakeNode[] = [];
  readonly ownerDocument = fakeDocument;
  constructor(readonly nodeType: number) {}

  get nextSibling(): FakeNode | null {
    const all = this.parentNode ? this.parentNode.childNodes : [];
    return all[all.indexOf(this) + 1] || null;
  }
  get textContent(): string {
    return this.childNodes.map(one => one.textContent).join("");
  }
  remove(): void {
    if (this.parentNode) this.parentNode.removeChild(this);
  }
}

class FakeText extends FakeNode {
  constructor(public data: string) {
    super(3);
  }
  override get textContent(): string {
    return String(this.data);
  }
}

type Check = (element: FakeElement) => boolean;
/** «a.card[lang=en]»; pseudo-classes fit nothing. */
const readOne = (compound: string): Check => {
  const checks = (compound.match(/^[\w-]+|[#.][\w-]+|\[[^\]]+\]|:.+/g) || []).map((part): Check => {
    const [name, value] = part.slice(1, -1).split("=") as [string, string | undefined];
    const rest = part.slice(1);
    if (part[0] === "#") return element => element.id === rest;
    if (part[0] === ".") return element => element.classes.includes(rest);
    if (part[0] !== "[") return element => part === element.localName;
    return ({ attributes }) => (value === undefined ? attributes.has(name) : attributes.get(name) === value);
  });
  return element => checks.every(fits => fits(element));
};
const selectors = new Map<string, Check>();
/** «article .note, #list»: what the views and their tests ask for. */
const read = (selector: string): Check => {
  const all = selector.split(",").map((one): Check => {
    const [last, ...outer] = one.trim().split(/\s+/).reverse();
    const inner = readOne(last!);
    const around = outer.map(part => (part === ">" ? null : readOne(part)));
    return element => {
      let at: FakeElement | null = element;
      let isChild = false;
      for (const fits of around) {
        if (fits) {
          do at = at!.parentNode;
          while (at && !fits(at) && !isChild);
          if (!at || !fits(at)) return false;
        }
        isChild = !fits;
      }
      return inner(element);
    };
  });
  const made: Check = element => all.some(fits => fits(element));
  selectors.set(selector, made);
  return made;
};
const fits = (element: FakeElement, selector: string): boolean => (selectors.get(selector) || read(selector))(element);

export class FakeElement extends FakeNode {
  readonly attributes = new Map<string, string>();
  readonly style: Record<string, string> = {};
  readonly listeners = new Map<string, Set<Listener>>();
  /** What layout would tell. */
  box = { top: 0, left: 0, bottom: 0, width: 0, height: 0 };
  readonly clientLeft = 0;
  readonly clientTop = 0;
  shadowRoot: FakeRoot | null = null;
  /** It stands in the page itself. */
  stands = false;

  constructor(readonly localName: string) {
    super(1);
    if (["input", "textarea", "select"].includes(localName)) Object.assign(this, { value: "", checked: false });
  }

  // --- the tree ---

  get children(): FakeElement[] {
    return this.childNodes.filter((one): one is FakeElement => one instanceof FakeElement);
  }
  get lastChild(): FakeNode | null {
    return this.childNodes[this.childNodes.length - 1] || null;
  }
  get firstChild(): FakeNode | null {
    return this.childNodes[0] || null;
  }
  get parentElement(): FakeElement | null {
    return this.parentNode;
  }
  insertBefore(node: FakeNode, before: FakeNode | null): FakeNode {
    if (node instanceof FakeElement && node.localName === "#fragment")
      return ([...node.childNodes].forEach(one => this.insertBefore(one, before)), node);
    node.remove();
    const at = before ? this.childNodes.indexOf(before) : -1;
    this.childNodes.splice(at < 0 ? this.childNodes.length : at, 0, node);
    node.parentNode = this;
    return node;
  }
  appendChild = <T extends FakeNode>(node: T): T => this.insertBefore(node, null) as T;
  append(...nodes: FakeNode[]): void {
    nodes.forEach(this.appendChild);
  }
  prepend(node: FakeNode): void {
    this.insertBefore(node, this.firstChild);
  }
  removeChild(node: FakeNode): void {
    const root = this.getRootNode();
    if (root.activeElement && (node as FakeElement).contains?.(root.activeElement)) root.activeElement = null;
    this.childNodes.splice(this.childNodes.indexOf(node), 1);
    node.parentNode = null;
  }
  override get textContent(): string {
    return super.textContent;
  }
  override set textContent(text: string) {
    [...this.childNodes].forEach(one => one.remove());
    if (text) this.append(new FakeText(text));
  }
  getRootNode(): FakeRoot {
    return (this.parentNode ? this.parentNode.getRootNode() : this) as FakeRoot;
  }
  contains(other: FakeNode | null): boolean {
    return !!other && (other === this || this.contains(other.parentNode));
  }
  get isConnected(): boolean {
    return this.stands || this.getRootNode().localName === "#root";
  }
  all(found: FakeElement[] = []): FakeElement[] {
    for (const one of this.childNodes)
      if (one instanceof FakeElement) {
        found.push(one);
        one.all(found);
      }
    return found;
  }
  querySelectorAll(selector: string): FakeElement[] {
    return this.all().filter(one => fits(one, selector));
  }
  querySelector(selector: string): FakeElement | null {
    return this.querySelectorAll(selector)[0] || null;
  }
  matches(selector: string): boolean {
    return selector === ":focus-visible" ? this.getRootNode().activeElement === this : fits(this, selector);
  }
  closest(selector: string): FakeElement | null {
    return this.matches(selector) ? this : this.parentNode && this.parentNode.closest(selector);
  }

  // --- attributes ---

  setAttribute(name: string, value: unknown): void {
    this.attributes.set(name, String(value));
  }
  getAttribute(name: string): string | null {
    return this.attributes.get(name) ?? null;
  }
  removeAttribute(name: string): void {
    this.attributes.delete(name);
  }
  get id(): string {
    return this.getAttribute("id") || "";
  }
  set id(value: string) {
    this.setAttribute("id", value);
  }
  get classes(): string[] {
    return (this.getAttribute("class") || "").split(/\s+/);
  }
  get className(): string {
    return this.getAttribute("class") || "";
  }
  set className(value: string) {
    this.setAttribute("class", value);
  }
  readonly classList = {
    contains: (name: string) => this.classes.includes(name),
    add: (name: string) => this.classList.toggle(name, true),
    remove: (name: string) => this.classList.toggle(name, false),
    toggle: (name: string, isOn: boolean) => {
      this.className = [...this.classes.filter(one => one && one !== name), ...(isOn ? [name] : [])].join(" ");
    }
  };
  get dataset(): Record<string, string | undefined> {
    return Object.fromEntries([...this.attributes].map(([name, value]) => [name.replace("data-", ""), value]));
  }

  // --- layout ---

  getBoundingClientRect = () => this.box;
  getClientRects = () => [this.box];
  get offsetWidth(): number {
    return this.box.width;
  }
  get clientWidth(): number {
    return this.box.width;
  }
  get clientHeight(): number {
    return this.box.height;
  }
  get offsetParent(): null {
    return null;
  }
  get offsetHeight(): number {
    return this.box.height;
  }
  scrollIntoView(): void {
    shownElements.push(this);
  }

  // --- events ---

  addEventListener(name: string, listener: Listener): void {
    this.listeners.set(name, (this.listeners.get(name) || new Set()).add(listener));
  }
  removeEventListener(name: string, listener: Listener): void {
    this.listeners.get(name)?.delete(listener);
  }
  /** Bubbles up to the root. */
  dispatch(name: string, members: object = {}): FakeEvent {
    const event = new FakeEvent(name, members);
    event.target = this;
    const bubbles = !["focus", "blur", "mouseleave", "pointerenter", "error"].includes(name);
    this.hear(event, bubbles);
    return event;
  }
  private hear(event: FakeEvent, bubbles: boolean): void {
    event.currentTarget = this;
    for (const listener of [...(this.listeners.get(event.type) || [])]) listener.call(this as never, event);
    if (bubbles && this.parentNode && !event.isStopped) this.parentNode.hear(event, bubbles);
  }
  focus(): void {
    const root = this.getRootNode();
    const canHold =
      this.attributes.has("tabIndex") || /^(a|button|input|select|textarea|summary)$/.test(this.localName);
    if (!this.isConnected || root.activeElement === this || !canHold || this.closest("[hidden]")) return;
    const before = root.activeElement;
    root.activeElement = this;
    if (before) before.dispatch("blur");
    this.dispatch("focus");
  }
  /** A press: of a pointer, which brings the focus along and counts presses, or of a key. */
  click(members: object = {}): FakeEvent {
    if (/^(a|button|input)$/.test(this.localName)) this.focus();
    return this.dispatch("click", { detail: 1, ...members });
  }
  enter(value: string): void {
    Object.assign(this, { value });
    this.dispatch(this.localName === "select" || this.getAttribute("type") === "date" ? "change" : "input");
  }
  tick(checked = true): void {
    Object.assign(this, { checked });
    this.dispatch("change");
  }
  get open(): boolean {
    return this.attributes.has("open");
  }
  showModal(): void {
    this.setAttribute("open", "");
  }
  close(): void {
    this.removeAttribute("open");
    this.dispatch("close");
  }
  select(): void {}
}

/** A shadow root. */
export class FakeRoot extends FakeElement {
  activeElement: FakeElement | null = null;
  adoptedStyleSheets: unknown[] = [];
  constructor(readonly host: FakeElement) {
    super("#root");
  }
  getElementById(id: string): FakeElement | null {
    return this.all().find(one => one.id === id) || null;
  }
}

/** What was scrolled into view, in this order. */
export const shownElements: FakeElement[] = [];
export const fakeDocument = {
  hidden: false,
  adoptedStyleSheets: [] as unknown[],
  listeners: new Map<string, Set<Listener>>(),
  activeElement: null,
  elements: [] as unknown[],
  createElement: (name: string) => new FakeElement(name),
  createElementNS: (_: string, name: string) => new FakeElement(name),
  createDocumentFragment: () => new FakeElement("#fragment"),
  createTextNode: (text: string) => new FakeText(text),
  querySelectorAll: () => fakeDocument.elements,
  addEventListener: FakeElement.prototype.addEventListener as FakeElement["addEventListener"],
  removeEventListener: FakeElement.prototype.removeEventListener as FakeElement["removeEventListener"],
  tell: (name: string) => fakeDocument.listeners.get(name)?.forEach(listener => listener(new FakeEvent(name)))
};

/** Elements that are observed, by what is observed of them. */
export const observed = { size: new Map<object, () => void>(), sight: new Map<object, (isSeen: boolean) => void>() };

class Resize {
  constructor(private readonly tell: (entries: object[]) => void) {}
  observe(element: FakeElement): void {
    observed.size.set(this, () => this.tell([{ contentRect: element.box }]));
  }
  disconnect(): void {
    observed.size.delete(this);
  }
}
class Intersection {
  constructor(private readonly tell: (entries: object[]) => void) {}
  observe(): void {
    observed.sight.set(this, isIntersecting => this.tell([{ isIntersecting }]));
  }
  disconnect(): void {
    observed.sight.delete(this);
  }
}
class Sheet {
  text = "";
  replaceSync(text: string): void {
    this.text = text;
  }
}

Object.assign(globalThis, {
  document: fakeDocument,
  CSSStyleSheet: Sheet,
  ResizeObserver: Resize,
  IntersectionObserver: Intersection,
  HTMLIFrameElement: class {},
  HTMLLabelElement: class {}
});
