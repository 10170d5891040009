/**
 * A page of plain objects, as far as Preact, Leaflet and the widget use one: a tree with shadow roots, custom elements
 * and observers, attributes, selectors, events and their ways, the focus, a dialog. Boxes are what a test says; sizes
 * and sight change when a test says so.
 */

type Listener = ((event: Happening) => void) | { handleEvent(event: Happening): void };
type Options = { capture?: boolean; once?: boolean } | boolean | undefined;
const optionsOf = (options: Options) => (typeof options === "object" ? options : { capture: !!options });
/** Events of one element, which do not go up. */
const ALONE = /^(focus|blur|mouseenter|mouseleave|pointerenter|pointerleave|load|error|close|toggle)$/;
const CONTROL = /^(input|textarea|select)$/;
const FOCUSABLE = /^(a|button|input|select|textarea|summary)$/;

/** An event. */
export class Happening {
  bubbles = false;
  composed = false;
  cancelable = false;
  /** A person did it. */
  isTrusted = false;
  defaultPrevented = false;
  isStopped = false;
  target!: Target;
  currentTarget!: Target;
  path: Target[] = [];
  detail: unknown = null;
  [name: string]: unknown;
  constructor(
    readonly type: string,
    init: object = {}
  ) {
    Object.assign(this, init);
    this.detail ??= null;
  }
  composedPath = (): Target[] => this.path;
  stopPropagation = (): void => void (this.isStopped = true);
  preventDefault = (): void => void (this.defaultPrevented = this.cancelable);
}

export class Target {
  readonly listeners: { type: string; listener: Listener; capture: boolean; once: boolean }[] = [];
  /** What an event meets next on its way up: out of a shadow root if it is composed. */
  above(_isComposed: boolean): Target | null {
    return null;
  }
  private indexOf(type: string, listener: Listener, capture: boolean): number {
    return this.listeners.findIndex(one => one.type === type && one.listener === listener && one.capture === capture);
  }
  addEventListener(type: string, listener: Listener, given?: Options): void {
    const { capture = false, once = false } = optionsOf(given);
    if (this.indexOf(type, listener, capture) < 0) this.listeners.push({ type, listener, capture, once });
  }
  removeEventListener(type: string, listener: Listener, given?: Options): void {
    const at = this.indexOf(type, listener, optionsOf(given).capture || false);
    if (at >= 0) this.listeners.splice(at, 1);
  }
  dispatchEvent(event: Happening): boolean {
    event.target = this instanceof Window ? (globalThis as unknown as Target) : this;
    event.path = [this];
    for (let one = this.above(event.composed); one; one = one.above(event.composed)) event.path.push(one);
    const call = (target: Target, isCapture: boolean) => {
      event.currentTarget = target;
      const handler = (target as unknown as Record<string, unknown>)["on" + event.type];
      if (!isCapture && typeof handler === "function") handler(event);
      for (const one of target.listeners.filter(({ type, capture }) => type === event.type && capture === isCapture)) {
        if (!target.listeners.includes(one)) continue;
        if (one.once) target.removeEventListener(one.type, one.listener, one.capture);
        if (typeof one.listener === "function") one.listener.call(target, event);
        else one.listener.handleEvent(event);
      }
    };
    for (const target of [...event.path].reverse()) if (!event.isStopped) call(target, true);
    for (const target of event.bubbles ? event.path : [this]) if (!event.isStopped) call(target, false);
    return !event.defaultPrevented;
  }
  /** An act of a person, or of the browser: it goes up through all roots, if it is none of the element alone. */
  act(type: string, init: object = {}): Happening {
    const bubbles = !ALONE.test(type);
    const event = new Happening(type, { bubbles, composed: true, cancelable: true, isTrusted: true, ...init });
    this.dispatchEvent(event);
    return event;
  }
}
/** Its events tell `window` as their target. */
export class Window extends Target {}

type Check = (element: FakeElement) => boolean;
const hasFocus: Check = element => element.of.focused === element;
const PSEUDO: Record<string, Check> = {
  ":focus": hasFocus,
  ":focus-visible": hasFocus,
  ":focus-within": element => element.contains(element.of.focused)
};
/** «a.card[lang=en]:not(slot)»; other pseudo-classes fit nothing. */
const readOne = (compound: string): Check => {
  const parts = compound.match(/^[\w-]+|[#.][\w-]+|\[[^\]]+\]|:not\([^)]+\)|:.+/g) || [];
  const checks = parts.map((part): Check => {
    const rest = part.slice(1);
    if (part[0] === "#") return element => element.id === rest;
    if (part[0] === ".") return element => element.classes.includes(rest);
    if (part.startsWith(":not(")) {
      const isNot = readOne(part.slice(5, -1));
      return element => !isNot(element);
    }
    if (part[0] === ":") return PSEUDO[part] || (() => false);
    if (part[0] !== "[") return element => part === element.localName;
    const [name, value] = part.slice(1, -1).replace(/"/g, "").split("=") as [string, string | undefined];
    return ({ attributes }) => (value === undefined ? attributes.has(name) : attributes.get(name) === value);
  });
  return element => checks.every(fits => fits(element));
};
const selectors = new Map<string, Check>();
/** «article .note, #list > li»: what the views and their tests ask for. */
const readSelector = (selector: string): Check => {
  const all = selector.split(",").map((one): Check => {
    const [last, ...outer] = one.trim().split(/\s+/).reverse();
    const inner = readOne(last!);
    const around = outer.map(part => (part === ">" ? null : readOne(part)));
    return element => {
      let at: FakeElement | null = element;
      let isChild = false;
      if (!inner(element)) return false;
      for (const fits of around) {
        if (fits) {
          do at = at.parentElement;
          while (at && !fits(at) && !isChild);
          if (!at || !fits(at)) return false;
        }
        isChild = !fits;
      }
      return true;
    };
  });
  const made: Check = element => all.some(fits => fits(element));
  selectors.set(selector, made);
  return made;
};

export class FakeNode extends Target {
  parentNode: FakeNode | null = null;
  childNodes: FakeNode[] = [];
  readonly nodeType: number = 1;
  private words = "";
  readonly of = FakeDocument.current;

  override above(isComposed: boolean): Target | null {
    return this.parentNode || ((isComposed && this.host) as Target | null) || null;
  }
  /** Of a text. */
  get data(): string {
    return this.words;
  }
  set data(data: unknown) {
    this.words = String(data);
  }
  get ownerDocument(): FakeDocument {
    return this.of;
  }
  get host(): FakeElement | undefined {
    return undefined;
  }
  get isConnected(): boolean {
    const above = this.parentNode || this.host;
    return !!above && above.isConnected;
  }
  get parentElement(): FakeElement | null {
    return this.parentNode instanceof FakeElement ? this.parentNode : null;
  }
  get children(): FakeElement[] {
    return this.childNodes.filter(node => node instanceof FakeElement);
  }
  get firstChild(): FakeNode | null {
    return this.childNodes[0] || null;
  }
  get lastChild(): FakeNode | null {
    return this.childNodes[this.childNodes.length - 1] || null;
  }
  get nextSibling(): FakeNode | null {
    const { childNodes = [] } = this.parentNode || {};
    return childNodes[childNodes.indexOf(this) + 1] || null;
  }
  getRootNode(): FakeNode {
    return this.parentNode ? this.parentNode.getRootNode() : this;
  }
  contains(other: FakeNode | null): boolean {
    for (let one = other; one; one = one.parentNode) if (one === this) return true;
    return false;
  }
  insertBefore<T extends FakeNode>(node: T, next: FakeNode | null): T {
    if (node instanceof Fragment) {
      for (const one of [...node.childNodes]) this.insertBefore(one, next);
      return node;
    }
    const wasConnected = node.isConnected;
    node.detach();
    node.parentNode = this;
    this.childNodes.splice(next ? this.childNodes.indexOf(next) : this.childNodes.length, 0, node);
    Observer.tell(this, "childList");
    // Of a move an element hears when it stands in its new place.
    if (wasConnected) node.reactAll("disconnectedCallback");
    if (node.isConnected) node.reactAll("connectedCallback");
    return node;
  }
  appendChild = <T extends FakeNode>(node: T): T => this.insertBefore(node, null);
  append(...nodes: FakeNode[]): void {
    for (const node of nodes) this.insertBefore(node, null);
  }
  prepend(node: FakeNode): void {
    this.insertBefore(node, this.firstChild);
  }
  removeChild = (node: FakeNode): void => node.remove();
  remove(): void {
    const wasConnected = this.isConnected;
    this.detach();
    if (wasConnected) this.reactAll("disconnectedCallback");
  }
  /** The focus that was in there is nowhere then. */
  private detach(): void {
    const { parentNode, of } = this;
    if (!parentNode) return;
    for (let one: FakeNode | null | undefined = of.focused; one; one = one.parentNode || one.host)
      if (one === this) of.focused = null;
    parentNode.childNodes.splice(parentNode.childNodes.indexOf(this), 1);
    this.parentNode = null;
    Observer.tell(parentNode, "childList");
  }
  /** It and all elements in it, those of shadow roots too, are told if there are custom ones. */
  private reactAll(name: string): void {
    if (this.of.defined.size) for (const one of this.whole()) one.react(name);
  }
  whole(): FakeElement[] {
    return this.childNodes.flatMap(node => node.whole());
  }
  /** All elements in it, from top to bottom. */
  all(found: FakeElement[] = []): FakeElement[] {
    for (const one of this.childNodes)
      if (one instanceof FakeElement) {
        found.push(one);
        one.all(found);
      }
    return found;
  }
  get textContent(): string {
    return this.nodeType === 3 ? this.data : this.childNodes.map(node => node.textContent).join("");
  }
  set textContent(text: string) {
    [...this.childNodes].forEach(node => node.remove());
    if (text) this.append(new FakeText(text));
  }
  querySelectorAll(selector: string): FakeElement[] {
    return this.all().filter(one => one.matches(selector));
  }
  querySelector = (selector: string): FakeElement | null => this.querySelectorAll(selector)[0] || null;
  getElementById(id: string): FakeElement | null {
    return this.all().find(one => one.id === id) || null;
  }
}
export class FakeText extends FakeNode {
  override readonly nodeType = 3;
  constructor(text: unknown) {
    super();
    this.data = text;
  }
}
class Fragment extends FakeNode {
  override readonly nodeType = 11;
}
export class ShadowRoot extends FakeNode {
  override readonly nodeType = 11;
  adoptedStyleSheets: object[] = [];
  constructor(private readonly around: FakeElement) {
    super();
  }
  override get host(): FakeElement {
    return this.around;
  }
  get activeElement(): FakeElement | null {
    return this.of.focusIn(this);
  }
}
class Style {
  [name: string]: unknown;
  setProperty(name: string, value: string): void {
    this[name] = value;
  }
}

export class FakeElement extends FakeNode {
  /** The one that becomes a custom element. */
  static upgraded: FakeElement | undefined;
  localName: string;
  readonly attributes = new Map<string, string>();
  readonly style = new Style() as Style & Record<string, string>;
  shadowRoot: ShadowRoot | null = null;
  /** Of controls. */
  declare checked: boolean;
  declare files: Blob[];
  /** What layout would tell. */
  box = { ...this.of.box };
  /** Around what is inside the box, in pixels. */
  border = 0;
  readonly clientLeft = 0;
  readonly clientTop = 0;
  readonly offsetParent = null;
  readonly relList: { supports(name: string): boolean } = { supports: () => true };

  constructor(localName?: string) {
    super();
    this.localName = localName || this.of.tag;
    if (CONTROL.test(this.localName)) Object.assign(this, { checked: false, files: [] });
    const { upgraded } = FakeElement;
    FakeElement.upgraded = undefined;
    if (upgraded) return Object.setPrototypeOf(upgraded, new.target.prototype);
  }

  // --- attributes ---

  getAttribute(name: string): string | null {
    return this.attributes.get(name) ?? null;
  }
  setAttribute(name: string, value: unknown): void {
    this.attributes.set(name, String(value));
    this.attributed(name);
  }
  removeAttribute(name: string): void {
    if (this.attributes.delete(name)) this.attributed(name);
  }
  private attributed(name: string): void {
    Observer.tell(this, "attributes");
    const { observedAttributes = [] } = this.constructor as { observedAttributes?: string[] };
    if (observedAttributes.includes(name)) this.react("attributeChangedCallback");
  }
  private mark(name: string, isOn: unknown): void {
    if (isOn) this.setAttribute(name, "");
    else this.removeAttribute(name);
  }
  react(name: string): void {
    const reaction = (this as unknown as Record<string, unknown>)[name];
    if (typeof reaction === "function") reaction.call(this);
  }
  override whole(): FakeElement[] {
    return [this, ...(this.shadowRoot ? this.shadowRoot.whole() : []), ...super.whole()];
  }
  get id(): string {
    return this.getAttribute("id") || "";
  }
  set id(value: string) {
    this.setAttribute("id", value);
  }
  get hidden(): boolean {
    return this.attributes.has("hidden");
  }
  set hidden(to: boolean) {
    this.mark("hidden", to);
  }
  get open(): unknown {
    return this.attributes.has("open");
  }
  set open(to: unknown) {
    this.mark("open", to);
  }
  /** Of a control what was entered, else its attribute; an option without one is its text. */
  private entered = "";
  get value(): string {
    if (CONTROL.test(this.localName)) return this.entered;
    return this.getAttribute("value") ?? (this.localName === "option" ? this.textContent : "");
  }
  set value(value: unknown) {
    if (CONTROL.test(this.localName)) this.entered = String(value ?? "");
    else this.setAttribute("value", value);
  }
  get className(): string {
    return this.getAttribute("class") || "";
  }
  set className(value: string) {
    this.setAttribute("class", value);
  }
  get classes(): string[] {
    return this.className.split(/\s+/);
  }
  get classList() {
    const toggle = (name: string, isOn: boolean) => {
      this.className = [...this.classes.filter(one => one && one !== name), ...(isOn ? [name] : [])].join(" ");
    };
    return {
      contains: (name: string) => this.classes.includes(name),
      add: (name: string) => toggle(name, true),
      remove: (name: string) => toggle(name, false),
      toggle
    };
  }
  get dataset(): Record<string, string> {
    return Object.fromEntries(
      [...this.attributes].map(([name, value]) => [
        name.replace("data-", "").replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase()),
        value
      ])
    );
  }
  get href(): string {
    return this.of.resolve(this.getAttribute("href") || "");
  }
  set href(address: string) {
    this.setAttribute("href", address);
  }
  matches(selector: string): boolean {
    return (selectors.get(selector) || readSelector(selector))(this);
  }
  closest(selector: string): FakeElement | null {
    return this.matches(selector) ? this : this.parentElement && this.parentElement.closest(selector);
  }
  attachShadow(): ShadowRoot {
    return (this.shadowRoot = new ShadowRoot(this));
  }

  // --- layout ---

  getBoundingClientRect = () => this.box;
  getClientRects(): object[] {
    return this.of.isRendered ? [this.box] : [];
  }
  get offsetWidth(): number {
    return this.box.width;
  }
  get offsetHeight(): number {
    return this.box.height;
  }
  get clientWidth(): number {
    return this.box.width - 2 * this.border;
  }
  get clientHeight(): number {
    return this.box.height - 2 * this.border;
  }
  scrollIntoView(): void {
    this.of.happens("show", this);
  }
  select(): void {
    this.of.happens("select", this);
  }

  // --- the focus, and what a person does ---

  focus(): void {
    const { of, attributes } = this;
    const canHold = FOCUSABLE.test(this.localName) || attributes.has("tabIndex") || attributes.has("tabindex");
    if (of.focused === this || !canHold || !this.isConnected || this.closest("[hidden]")) return;
    const before = of.focused;
    of.focused = this;
    for (const type of before ? ["blur", "focusout"] : [])
      before!.act(type, { relatedTarget: this, cancelable: false });
    if (of.focused !== this) return;
    of.happens("focus", this);
    for (const type of ["focus", "focusin"]) this.act(type, { relatedTarget: before, cancelable: false });
  }
  /** Of a script. */
  click(): void {
    this.act("click", { detail: 0, isTrusted: false });
  }
  /** Of a pointer, which brings the focus along and counts presses, or with `detail: 0` of a key. */
  press(init: object & { detail?: number } = {}): Happening {
    if (init.detail !== 0) this.act("pointerdown", init);
    this.focus();
    return this.act("click", { detail: 1, ...init });
  }
  enter(value: string): void {
    this.value = value;
    this.act(this.localName === "select" || this.getAttribute("type") === "date" ? "change" : "input");
  }
  tick(checked = true): void {
    Object.assign(this, { checked });
    this.act("change");
  }
  showModal(): void {
    this.open = true;
    const first = this.querySelector("[autofocus]");
    if (first) first.focus();
  }
  /** The browser tells of it in a task of its own. */
  close(): void {
    if (!this.open) return;
    this.open = false;
    this.of.later(() => this.dispatchEvent(new Happening("close")));
  }
}
export class FakeDocument extends FakeNode {
  static current: FakeDocument;
  override readonly nodeType = 9;
  readonly documentElement: FakeElement & { lang: string };
  readonly head: FakeElement;
  readonly body: FakeElement;
  readonly defined = new Map<string, new () => FakeElement>();
  adoptedStyleSheets: unknown[] = [];
  hidden = false;
  /** Of the custom element that is made. */
  tag = "";
  /** In whichever shadow root it is. */
  focused: FakeElement | null = null;
  /** What stands in the page can be seen. */
  isRendered = true;
  currentScript: object | null = null;
  /** Of each element that is made. */
  box = { top: 0, left: 0, bottom: 0, width: 0, height: 0 };
  /** What was scrolled into view, in this order. */
  readonly shown: FakeElement[] = [];
  happens = (what: "show" | "select" | "focus", element: FakeElement): void =>
    void (what === "show" && this.shown.push(element));
  /** A task of the browser. */
  later = (work: () => void): unknown => setTimeout(work);
  /** Where an address leads. */
  resolve = (address: string): string => address;

  constructor(readonly window: Target = new Window()) {
    super();
    FakeDocument.current = this;
    this.documentElement = Object.assign(new FakeElement("html"), { lang: "" });
    [this.head, this.body] = [new FakeElement("head"), new FakeElement("body")];
    this.append(this.documentElement);
    this.documentElement.append(this.head, this.body);
  }
  override get isConnected(): boolean {
    return true;
  }
  override above(): Target {
    return this.window;
  }
  createElement(name: string): FakeElement {
    const defined = this.defined.get((this.tag = name));
    return defined ? new defined() : new FakeElement(name);
  }
  createElementNS = (_: string, name: string): FakeElement => this.createElement(name);
  createTextNode = (text: unknown): FakeText => new FakeText(text);
  createDocumentFragment = (): FakeNode => new Fragment();
  define(name: string, made: new () => FakeElement): void {
    this.defined.set(name, made);
    for (const element of this.whole().filter(({ localName }) => localName === name)) {
      FakeElement.upgraded = element;
      new made();
      const { observedAttributes = [] } = made as { observedAttributes?: string[] };
      for (const one of observedAttributes) if (element.getAttribute(one)) element.react("attributeChangedCallback");
      element.react("connectedCallback");
    }
  }
  /** What has the focus, as a root sees it: the host of what is in another root inside. */
  focusIn(root: FakeNode): FakeElement | null {
    for (let one: FakeElement | undefined | null = this.focused; one;) {
      const its: FakeNode = one.getRootNode();
      if (its === root) return one;
      one = its.host;
    }
    return null;
  }
  get activeElement(): FakeElement {
    return this.focusIn(this) || this.body;
  }
}

/** In the place of a MutationObserver. */
export class Observer {
  private static readonly all = new Set<Observer>();
  private readonly watched: { target: FakeNode; subtree?: boolean; childList?: boolean; attributes?: boolean }[] = [];
  private isTelling = false;
  constructor(private readonly callback: () => void) {}

  static tell(node: FakeNode, kind: "childList" | "attributes"): void {
    if (!Observer.all.size) return;
    const line: FakeNode[] = [];
    for (let one: FakeNode | null = node; one; one = one.parentNode) line.push(one);
    for (const observer of Observer.all)
      if (observer.watched.some(one => one[kind] && (one.subtree ? line.includes(one.target) : one.target === node)))
        observer.tellSoon();
  }
  private tellSoon(): void {
    if (this.isTelling) return;
    this.isTelling = true;
    queueMicrotask(() => {
      this.isTelling = false;
      if (Observer.all.has(this)) this.callback();
    });
  }
  observe(target: FakeNode, options: object): void {
    this.watched.push({ target, ...options });
    Observer.all.add(this);
  }
  disconnect(): void {
    Observer.all.delete(this);
  }
  static get count(): number {
    return Observer.all.size;
  }
  static forget(): void {
    Observer.all.clear();
  }
}

/** In the place of a style sheet that scripts make. */
export class Sheet {
  css = "";
  replaceSync(css: string): void {
    this.css = css;
  }
}

/** In the place of the observers of sizes and of what is in sight. */
export class Watch {
  static readonly all = new Set<Watch>();
  readonly seen = new Set<FakeElement>();
  constructor(readonly tell: (entries: object[]) => void) {}
  observe(element: FakeElement): void {
    Watch.all.add(this);
    this.seen.add(element);
  }
  disconnect(): void {
    Watch.all.delete(this);
    this.seen.clear();
  }
  private static entries(kind: typeof Watch, of: (element: FakeElement) => object): void {
    for (const one of [...Watch.all])
      if (one instanceof kind) one.tell([...one.seen].map(target => ({ target, ...of(target) })));
  }
  /** The boxes are others now. */
  static resize(): void {
    Watch.entries(Resize, ({ box }) => ({ contentRect: box }));
  }
  static see(isIntersecting = true): void {
    Watch.entries(Intersection, () => ({ isIntersecting }));
  }
}
class Resize extends Watch {}
class Intersection extends Watch {}

export const observers = { MutationObserver: Observer, ResizeObserver: Resize, IntersectionObserver: Intersection };
const replaced = new Map<string, PropertyDescriptor | undefined>();

/** Begins with an empty page, in the place of Node's globals and of those that are given. */
export function enterPage(given: object = {}, window: Target = new Window()): FakeDocument {
  Observer.forget();
  Watch.all.clear();
  const document = new FakeDocument(window);
  const globals = {
    document,
    window: globalThis,
    self: globalThis,
    top: globalThis,
    addEventListener: window.addEventListener.bind(window),
    removeEventListener: window.removeEventListener.bind(window),
    Document: { prototype: { adoptedStyleSheets: [] } },
    Element: FakeElement,
    HTMLElement: FakeElement,
    HTMLIFrameElement: class {},
    HTMLLabelElement: class {},
    CustomEvent: Happening,
    CSSStyleSheet: Sheet,
    ...observers,
    customElements: {
      get: (name: string) => document.defined.get(name),
      define: (name: string, made: new () => FakeElement) => document.define(name, made)
    },
    ...given
  };
  for (const [name, value] of Object.entries(globals)) {
    if (!replaced.has(name)) replaced.set(name, Object.getOwnPropertyDescriptor(globalThis, name));
    Object.defineProperty(globalThis, name, { configurable: true, writable: true, value });
  }
  return document;
}
export function leavePage(): void {
  for (const [name, before] of replaced)
    if (before) Object.defineProperty(globalThis, name, before);
    else delete (globalThis as Record<string, unknown>)[name];
  replaced.clear();
}
