/**
 * A page of plain objects, as far as the widget uses one: a tree with shadow roots, custom elements and observers,
 * events and their ways, a dialog, the focus. Nothing has a place or a size.
 */

type Listener = ((event: Happening) => void) | { handleEvent(event: Happening): void };
type Options = { capture?: boolean; once?: boolean } | boolean | undefined;
const optionsOf = (options: Options) => (typeof options === "object" ? options : { capture: !!options });

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
  /** What an event meets next on its way up; `inside` a shadow root it goes no further unless it is composed. */
  above(_isComposed: boolean): Target | null {
    return null;
  }
  addEventListener(type: string, listener: Listener, given?: Options): void {
    const { capture = false, once = false } = optionsOf(given);
    this.removeEventListener(type, listener, capture);
    this.listeners.push({ type, listener, capture, once });
  }
  removeEventListener(type: string, listener: Listener, given?: Options): void {
    const { capture = false } = optionsOf(given);
    const index = this.listeners.findIndex(
      one => one.type === type && one.listener === listener && one.capture === capture
    );
    if (index >= 0) this.listeners.splice(index, 1);
  }
  dispatchEvent(event: Happening): boolean {
    event.target = this;
    event.path = [this];
    for (let one = this.above(event.composed); one; one = one.above(event.composed)) event.path.push(one);
    const call = (target: Target, isCapture: boolean) => {
      event.currentTarget = target;
      const handler = (target as unknown as Record<string, unknown>)["on" + event.type];
      if (!isCapture && typeof handler === "function") handler(event);
      for (const one of target.listeners.filter(({ type, capture }) => type === event.type && capture === isCapture)) {
        if (one.once) target.removeEventListener(one.type, one.listener, one.capture);
        if (typeof one.listener === "function") one.listener.call(target, event);
        else one.listener.handleEvent(event);
      }
    };
    for (const target of [...event.path].reverse()) if (!event.isStopped) call(target, true);
    for (const target of event.bubbles ? event.path : [this]) if (!event.isStopped) call(target, false);
    return !event.defaultPrevented;
  }
}

/** Tag, `:not(tag)` and attributes of one element; several between commas. */
const matches = (element: FakeElement, selector: string): boolean =>
  selector.split(",").some(one => {
    const [, tag, not, rest] = /^([\w-]*)(?::not\((\w+)\))?(.*)$/.exec(one.trim())!;
    return (
      (!tag || element.localName === tag) &&
      element.localName !== not &&
      [...rest!.matchAll(/\[([\w-]+)\]/g)].every(([, name]) => element.getAttribute(name!) !== null)
    );
  });

export class FakeNode extends Target {
  parentNode: FakeNode | null = null;
  childNodes: FakeNode[] = [];
  readonly nodeType: number = 1;
  readonly ownerDocument = undefined;
  data = "";

  override above(isComposed: boolean): Target | null {
    return this.parentNode || ((isComposed && this.host) as Target | null) || null;
  }
  get host(): FakeElement | undefined {
    return undefined;
  }
  get isConnected(): boolean {
    const above = this.parentNode || this.host;
    return !!above && above.isConnected;
  }
  get firstChild(): FakeNode | null {
    return this.childNodes[0] || null;
  }
  get nextSibling(): FakeNode | null {
    const { childNodes = [] } = this.parentNode || {};
    return childNodes[childNodes.indexOf(this) + 1] || null;
  }
  getRootNode(): FakeNode {
    return this.parentNode ? this.parentNode.getRootNode() : this;
  }
  insertBefore(node: FakeNode, next: FakeNode | null): FakeNode {
    node.remove();
    node.parentNode = this;
    this.childNodes.splice(next ? this.childNodes.indexOf(next) : this.childNodes.length, 0, node);
    Observer.tell(this, "childList");
    if (node.isConnected) for (const one of node.all()) one.react("connectedCallback");
    return node;
  }
  appendChild = (node: FakeNode): FakeNode => this.insertBefore(node, null);
  append(...nodes: FakeNode[]): void {
    for (const node of nodes) this.insertBefore(node, null);
  }
  removeChild = (node: FakeNode): void => node.remove();
  remove(): void {
    const { parentNode } = this;
    if (!parentNode) return;
    const wasConnected = this.isConnected;
    parentNode.childNodes.splice(parentNode.childNodes.indexOf(this), 1);
    this.parentNode = null;
    Observer.tell(parentNode, "childList");
    if (wasConnected) for (const one of this.all()) one.react("disconnectedCallback");
  }
  /** It and all elements in it, those of shadow roots too. */
  all(): FakeElement[] {
    return this.childNodes.flatMap(node => node.all());
  }
  get textContent(): string {
    return this.nodeType === 3 ? this.data : this.childNodes.map(node => node.textContent).join("");
  }
  set textContent(text: string) {
    [...this.childNodes].forEach(node => node.remove());
    if (text) this.append(new FakeText(text));
  }
  querySelectorAll(selector: string): FakeElement[] {
    const below = (node: FakeNode): FakeElement[] =>
      node.childNodes.flatMap(one => [...(one instanceof FakeElement ? [one] : []), ...below(one)]);
    return below(this).filter(one => matches(one, selector));
  }
  querySelector = (selector: string): FakeElement | null => this.querySelectorAll(selector)[0] || null;
}
export class FakeText extends FakeNode {
  override readonly nodeType = 3;
  constructor(text: string) {
    super();
    this.data = String(text);
  }
}
class ShadowRoot extends FakeNode {
  override readonly nodeType = 11;
  adoptedStyleSheets: object[] = [];
  constructor(private readonly of: FakeElement) {
    super();
  }
  override get host(): FakeElement {
    return this.of;
  }
  getElementById = (id: string): FakeElement | null =>
    this.querySelectorAll("[id]").find(one => one.getAttribute("id") === id) || null;
}

export class FakeElement extends FakeNode {
  /** The one that becomes a custom element. */
  static upgraded: FakeElement | undefined;
  localName: string;
  readonly attributes = new Map<string, string>();
  readonly style: Record<string, unknown> = {
    setProperty: (name: string, value: string) => void (this.style[name] = value)
  };
  shadowRoot: ShadowRoot | null = null;
  /** How often it was moved into view. */
  scrolled = 0;
  readonly of = FakeDocument.current;

  constructor(localName?: string) {
    super();
    this.localName = localName || this.of.tag;
    const { upgraded } = FakeElement;
    FakeElement.upgraded = undefined;
    if (upgraded) return Object.setPrototypeOf(upgraded, new.target.prototype);
  }
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
  react(name: string): void {
    const reaction = (this as unknown as Record<string, unknown>)[name];
    if (typeof reaction === "function") reaction.call(this);
  }
  override all(): FakeElement[] {
    return [this, ...(this.shadowRoot ? this.shadowRoot.all() : []), ...super.all()];
  }
  get hidden(): boolean {
    return this.attributes.has("hidden");
  }
  set hidden(to: boolean) {
    if (to) this.setAttribute("hidden", "");
    else this.removeAttribute("hidden");
  }
  get open(): unknown {
    return this.attributes.has("open");
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
  readonly offsetHeight = this.of.height;
  readonly relList: { supports(name: string): boolean } = { supports: () => true };
  closest(selector: string): FakeElement | null {
    if (matches(this, selector)) return this;
    return this.parentNode instanceof FakeElement ? this.parentNode.closest(selector) : null;
  }
  matches(selector: string): boolean {
    return matches(this, selector);
  }
  attachShadow(): ShadowRoot {
    return (this.shadowRoot = new ShadowRoot(this));
  }
  getClientRects(): object[] {
    return this.of.isRendered ? [{}] : [];
  }
  scrollIntoView(): void {
    this.scrolled++;
  }
  focus(): void {
    this.of.focused = this;
  }
  /** An act of a person: it goes up through all roots. */
  act(type: string, init: object = {}): boolean {
    return this.dispatchEvent(
      new Happening(type, { bubbles: true, composed: true, cancelable: true, isTrusted: true, ...init })
    );
  }
  press(): void {
    this.act("pointerdown");
    this.focus();
    this.act("click");
  }
  showModal(): void {
    this.setAttribute("open", "");
    const first = this.querySelector("[autofocus]");
    if (first) first.focus();
  }
  /** The browser tells of it in a task of its own. */
  close(): void {
    if (!this.open) return;
    this.removeAttribute("open");
    setTimeout(() => this.dispatchEvent(new Happening("close")));
  }
}
export class FakeDocument extends FakeNode {
  static current: FakeDocument;
  override readonly nodeType = 9;
  readonly window = new Target();
  readonly documentElement: FakeElement & { lang: string };
  readonly head: FakeElement;
  readonly body: FakeElement;
  readonly defined = new Map<string, new () => FakeElement>();
  /** Of the custom element that is made. */
  tag = "";
  focused: FakeElement | null = null;
  /** What stands in the page can be seen. */
  isRendered = true;
  currentScript: object | null = null;
  /** Of each element that is made, in pixels. */
  height = 44;
  /** Where an address leads. */
  resolve = (address: string): string => address;

  constructor() {
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
  createTextNode = (text: string): FakeText => new FakeText(text);
  define(name: string, made: new () => FakeElement): void {
    this.defined.set(name, made);
    for (const element of this.all().filter(({ localName }) => localName === name)) {
      FakeElement.upgraded = element;
      new made();
      const { observedAttributes = [] } = made as { observedAttributes?: string[] };
      for (const one of observedAttributes) if (element.getAttribute(one)) element.react("attributeChangedCallback");
      element.react("connectedCallback");
    }
  }
  /** What has the focus, as the page sees it: the host of what is in a shadow root. */
  get activeElement(): FakeElement {
    let { focused } = this;
    if (!focused || !focused.isConnected) return this.body;
    for (let root = focused.getRootNode(); root.host; root = focused.getRootNode()) focused = root.host;
    return focused;
  }
}

/** In the place of a MutationObserver. */
export class Observer {
  private static readonly all = new Set<Observer>();
  private readonly watched: { target: FakeNode; subtree?: boolean; childList?: boolean; attributes?: boolean }[] = [];
  private isTelling = false;
  constructor(private readonly callback: () => void) {}

  static tell(node: FakeNode, kind: "childList" | "attributes"): void {
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
}

const replaced = new Map<string, PropertyDescriptor | undefined>();

/** Begins with an empty page, in the place of Node's globals and of those that are given. */
export function enterPage(given: object = {}): FakeDocument {
  Observer.forget();
  Watch.all.clear();
  const document = new FakeDocument();
  const { window } = document;
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
    CustomEvent: Happening,
    CSSStyleSheet: Sheet,
    MutationObserver: Observer,
    ResizeObserver: Watch,
    IntersectionObserver: Watch,
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
