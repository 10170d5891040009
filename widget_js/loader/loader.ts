/** The script of the snippet: turns it into a button, or the inline view, and fetches the rest when it is wanted. */

import styles from "./button.css";
import {
  ATTRIBUTES,
  attribute,
  DIV,
  emit,
  EVENT,
  isExtended,
  isFloating,
  isInline,
  isReading,
  outer,
  TAG,
  type OpenOptions,
  type Widget
} from "./host.ts";
import { expire } from "./timeouts.ts";

/**
 * Written in by the build: «1.1.0/», the hash in the names of the texts, the release, the hashes of the chunks that
 * open the widget (SHA-256 in base64, by which their files are named too), the button's label in each language and the
 * one after a failure.
 */
declare const RELEASE: string;
declare const TEXTS: string;
declare const VERSION: string;
declare const HASHES: Record<string, string>;
declare const LABELS: Record<string, [string, string]>;

type Command = "open" | "close" | "destroy";
interface Launcher extends Omit<Widget, "open"> {
  /** Whether the code came; resolves when the widget is open, or was closed meanwhile. */
  open(options?: OpenOptions): Promise<boolean>;
  connect(): void;
  disconnect(): void;
}

const CONTROL = Symbol();
type Host = HTMLElement & { [CONTROL]: Launcher };
/** The elements that stand in the page, shadow roots included, in the order in which they came. */
const connected = new Set<Host>();

/**
 * The tag that brought this is the only one that is believed: what else stands in the page, others may have written.
 */
const {
  src = "",
  integrity = "",
  nonce = "",
  dataset = {} as DOMStringMap
} = (document.currentScript || {}) as HTMLScriptElement;
const service = (dataset.api || src.split("/w/")[0]!).replace(/\/$/, "");
/** An address that somebody has shared opens one widget: the first that can read it. */
let shared: string | false | undefined;

const ignore = () => {};

/** `around` is the node, or contains it; shadow roots are looked through. */
const surrounds = (around: Node, node: Node | null | undefined): boolean =>
  !!node && (node === around || surrounds(around, node.parentNode || (node as ShadowRoot).host));

/**
 * igrajdanin("open", options?, element?) · igrajdanin("close" | "destroy", element?) ·
 * igrajdanin("on" | "off", event, listener, element?): without an element the first widget, or all. What is done to a
 * widget waits for one to be there, as long as the page has not become another one by the history of a single-page
 * application.
 */
function run(command: Command | "on" | "off", ...rest: any[]): void {
  const target: Element | Document = rest.slice(-1)[0] instanceof Element ? rest.pop() : document;
  if (command === "on") target.addEventListener(EVENT + rest[0], rest[1]);
  else if (command === "off") target.removeEventListener(EVENT + rest[0], rest[1]);
  else {
    const { pathname } = location;
    const widget = [...connected].find(host => target === document || surrounds(target, host));
    if (widget) void widget[CONTROL][command](...rest);
    else {
      const retry = () => location.pathname === pathname && run(command, ...rest, target);
      target.addEventListener(EVENT + "ready", retry, { once: true });
    }
  }
}

/** A `div` gets the element inside. */
function adopt(): void {
  document.querySelectorAll<HTMLElement>(DIV).forEach(div => {
    if (div.querySelector(TAG)) return;
    const widget = document.createElement(TAG);
    widget.setAttribute("site-key", attribute(div, TAG));
    widget.append(...div.childNodes);
    div.append(widget);
  });
}

const sheet = new CSSStyleSheet();
sheet.replaceSync(styles);

/** The button in its corner: above the page, clear of what a phone's frame covers, not on paper. */
function floatingStyles(corner: string): string {
  const side = (name: string) => `${name}:calc(16px + env(safe-area-inset-${name}));`;
  return `:host{position:fixed!important;z-index:2147483647;${
    side(/top/.test(corner) ? "top" : "bottom") + side(/left/.test(corner) ? "left" : "right")
  }}@media print{:host{display:none!important}}`;
}

/** The page stands with the links of its snippets; elements that come later move nothing by becoming a button. */
let upgrading = true;
/**
 * The page was drawn with a link alone and has kept no room: the button grows to its height, so that what stands below
 * glides. Browsers count what moves by less than 3 pixels a frame as no layout shift
 * (https://wicg.github.io/layout-instability/).
 */
const isSmall = (host: Element): boolean =>
  upgrading &&
  matchMedia("(prefers-reduced-motion:no-preference)").matches &&
  !!performance.getEntriesByType("paint")[0] &&
  (outer(host) as HTMLElement).offsetHeight < 44;

function createLauncher(host: Host): Launcher {
  const button = document.createElement("button");
  // Before its shadow root, which gives the host a height.
  if (isSmall(host)) button.animate({ minHeight: ["0", "44px"] }, 1e3);
  const slot = document.createElement("slot");
  const place = new CSSStyleSheet();
  const root = host.attachShadow({ mode: "open" });
  root.adoptedStyleSheets = [sheet, place];
  root.append(button, slot);
  (button as any).part = "button";
  let starting: Promise<void> | undefined;
  let widget: Widget | void;
  let failed = false;
  /** Closing ends an opening that waits for the code. */
  let wanted = false;
  let destroyed = false;

  /** The folder of the chunks beside this script's, and the hashes of those that open the widget. */
  let [folder, hashes] = [RELEASE, HASHES];
  const address = (name: string) => new URL("../" + folder + name, src);

  /**
   * `import()` takes no hash, a preloaded module does, and is the one that import() then finds. WebKit loads it without
   * a look at its hash, and browsers that know no such link import the module itself.
   */
  const preload = (name: string, hash = hashes[name]!): Promise<string> =>
    new Promise((resolve, reject) => {
      const link = document.createElement("link");
      link.rel = "modulepreload";
      link.nonce = nonce;
      link.integrity = "sha256-" + hash;
      link.crossOrigin = "";
      (link as { href: string | URL }).href = address(name + "-" + hash.replace(/\W/g, "").slice(0, 8) + ".js");
      link.onload = link.onerror = (event: Event | string) => {
        link.remove();
        ((event as Event).type === "load" ? resolve : reject)(link.href);
      };
      if (link.relList.supports(link.rel)) document.head.append(link);
      // An observer of the page may take it out at once; WebKit then tells nothing more of it.
      queueMicrotask(() => link.isConnected || resolve(link.href));
    });
  /**
   * The chunks of a build that was not released are gone with the next one, which a page that was open before does not
   * know of: the file beside this script names those of the present build. Where the page gives the hash of this
   * script, it vouches for all chunks, so that no others are taken.
   */
  const renew = async () => {
    if (integrity) throw integrity;
    [folder, hashes] = await (await fetch(new URL("chunks.json", src))).json();
  };

  const language = () => {
    const lang = (attribute(host, "lang") || document.documentElement.lang).slice(0, 2);
    return LABELS[lang] ? lang : "ru";
  };
  /** What a shared address asks for (browse/address.ts). */
  const sharedQuery = () => isExtended(host) && location.hash.split("#igrajdanin?")[1];
  /**
   * An opening begins with what is published. Where nothing is asked for, the button leads to the form, as it says; in
   * the page, and as the button of collections or of the map, it does not.
   */
  const isList = (options?: OpenOptions) =>
    isReading(host) &&
    (options
      ? options.view !== "report"
      : isInline(host) || !!(attribute(host, "collection") || (outer(host) as Host).dataset.start));
  /** All that opens the widget; gives the module to start it with. */
  const load = async (list: boolean) => {
    const chunks = () => Promise.all([preload("core"), preload(list ? "browse" : "report")]);
    const [core] = await expire(chunks().catch(() => renew().then(chunks)));
    return import(core);
  };
  /**
   * Code and data travel side by side: one round of requests from the click to the form, or to the list. What the
   * network lost, the widget asks for again by itself.
   */
  const start = (options?: OpenOptions) =>
    (starting =
      starting ||
      (async () => {
        if (destroyed) return;
        const list = isList(options);
        const control = new AbortController();
        const lang = language();
        const site = service + "/api/v1/sites/" + attribute(host, "site-key");
        const challenge = site + "/challenge" + VERSION;
        const texts = (name: string) => address(name + "-" + TEXTS + ".json");
        const first = [
          site + "?lang=" + lang,
          list && isExtended(host)
            ? !attribute(host, "collection") && site + "/problems?" + (sharedQuery() || "")
            : challenge,
          texts(lang + "-widget"),
          list && texts(lang + "-browse")
        ].map(address => address && fetch(address, control as RequestInit).catch(ignore));
        try {
          widget = await (await load(list)).mount({ host, service, language, update, first, list, control, preload });
          failed = false;
        } catch {
          // The link of the snippet comes back beside the button, whose next press tries again. The service takes note
          // (sites/sightings.py), so that the webmaster learns of it.
          starting = undefined;
          failed = true;
          fetch(challenge + "&failed=load").catch(ignore);
          emit(host, "error");
        }
        button.removeAttribute("aria-busy");
        draw();
      })());
  const open = async (options?: OpenOptions) => {
    wanted = !destroyed;
    if (!widget) button.setAttribute("aria-busy", "true");
    await start(options);
    if (widget && wanted) await widget.open(options || (isList() ? options : { view: "report" }));
    // Taken out meanwhile it may be gone already.
    return !(failed || destroyed);
  };
  button.onclick = () => open();
  button.onpointerenter = button.onfocus = () => widget || load(isList()).catch(ignore);

  const near = new IntersectionObserver(([entry]) => entry!.isIntersecting && start(), { rootMargin: "300px" });
  /** The button, or the link of the snippet until the inline view is there, or both after a failure. */
  const draw = () => {
    const [label, retry] = LABELS[language()]!;
    button.textContent = failed ? retry : attribute(host, "label") || label;
    button.hidden = isInline(host) && !failed;
    slot.hidden = !!widget || !(isInline(host) || failed);
  };
  const update = () => {
    if (destroyed) return;
    draw();
    place.replaceSync(isFloating(host) ? floatingStyles(attribute(host, "corner")) : "");
    near.disconnect();
    if (isInline(host)) near.observe(host);
    if (widget) widget.update();
  };
  const close = () => {
    wanted = false;
    if (widget) widget.close();
  };
  /** Frameworks move elements: whoever is back at once was not gone. */
  const stop = async () => {
    close();
    await starting;
    if (connected.has(host)) return;
    if (widget) widget.destroy();
    widget = starting = undefined;
  };
  return {
    open,
    close,
    get isOpen() {
      return !!widget && widget.isOpen;
    },
    update,
    async connect() {
      if (destroyed) return;
      connected.add(host);
      update();
      if (!shared && (shared = sharedQuery())) void open({ view: "list" });
      // React 18 gives listeners only to what stands in the page.
      await undefined;
      if (connected.has(host)) emit(host, "ready");
    },
    disconnect() {
      connected.delete(host);
      void stop();
    },
    /** The element stays, since it may be a framework's: without contents, effect, and the room of the host's rule. */
    async destroy() {
      destroyed = true;
      connected.delete(host);
      place.replaceSync(":host{display:none!important}");
      outer(host).removeAttribute("data-" + TAG);
      await stop();
      root.textContent = "";
    }
  };
}

const defined = customElements.get(TAG) as { service?: string } | undefined;
// Older browsers, and a second copy of this script, leave everything as it is.
if (defined) {
  if ((defined.service || service) !== service)
    console.warn(`igrajdanin: ${src} refused, the page has ${defined.service}`);
} else if (src && "adoptedStyleSheets" in Document.prototype) {
  // An element with this id is a property of the window too, and what is in a form is one of the form.
  const stub: unknown = (window as any).igrajdanin;
  (window as any).igrajdanin = run;
  if (typeof stub === "function") ((stub as any).q || []).forEach((call: Parameters<typeof run>) => run(...call));
  // Before the definition: elements come to life in the order of the page, whichever way they are written.
  adopt();
  class WidgetElement extends HTMLElement {
    static observedAttributes = ATTRIBUTES;
    static service = service;
    declare [CONTROL]: Launcher;
    constructor() {
      super();
      this[CONTROL] = createLauncher(this);
      ATTRIBUTES.forEach(name => {
        const property = name.replace("-k", "K") as "lang";
        // A framework may have set it before the class was defined.
        // Libraries add methods of such names to every element (Prototype: `hide`).
        const early = { ...this }[property];
        Object.defineProperty(this, property, {
          get: () => attribute(this, name),
          set: value => {
            this.setAttribute(name, value || "");
          }
        });
        if (early) this.setAttribute(name, early);
      });
    }
    async open(options?: OpenOptions) {
      if (!(await this[CONTROL].open(options))) throw Error(src);
    }
    close() {
      this[CONTROL].close();
    }
    get isOpen() {
      return this[CONTROL].isOpen;
    }
    connectedCallback() {
      this[CONTROL].connect();
    }
    disconnectedCallback() {
      this[CONTROL].disconnect();
    }
    attributeChangedCallback() {
      this[CONTROL].update();
    }
  }
  customElements.define(TAG, WidgetElement);
  upgrading = false;
  new MutationObserver(adopt).observe(window.document, { subtree: true, childList: true });
}
