/** The script of the snippet: turns it into a button, or the inline view, and fetches the rest when it is wanted. */

import styles from "./button.css";
import { ATTRIBUTES, attribute, DIV, EVENT, isExtended, isInline, isReading, TAG, type Widget } from "./host.ts";
import { READING } from "./timeouts.ts";

/**
 * Written in by the build: «1.1.0/», the hashes in the names of the texts that open the widget, the release, the hashes
 * of the chunks that do (SHA-256 in base64, by which their files are named too), the button's labels.
 */
declare const RELEASE: string;
declare const TEXTS: Record<string, string>;
declare const VERSION: string;
declare const HASHES: Record<string, string>;
declare const LABELS: Record<string, string>;

type Command = "open" | "close" | "destroy";
interface Launcher extends Omit<Widget, "isOpen"> {
  connect(): void;
  disconnect(): Promise<void>;
}

const CONTROL = Symbol();
type Host = HTMLElement & { [CONTROL]?: Launcher };

const script = document.currentScript;
/**
 * The tag that brought this is the only one that is believed: what else stands in the page, others may have written.
 */
const {
  src = "",
  integrity = "",
  dataset = {} as DOMStringMap
} = (script instanceof HTMLScriptElement ? script : {}) as HTMLScriptElement;
const service = (dataset.api || src.split("/w/")[0]!).replace(/\/$/, "");
/** An address that somebody has shared opens one widget: the first that can read it. */
let shared: string | false | undefined;

/**
 * igrajdanin("open" | "close" | "destroy", element?) · igrajdanin("on" | "off", event, listener, element?): without an
 * element the first widget, or all; what is done to a widget waits for one to be there.
 */
function run(command: Command | "on" | "off", ...rest: any[]): void {
  const target = rest.slice(-1)[0] instanceof Element ? (rest.pop() as Element) : document;
  if (command === "on") target.addEventListener(EVENT + rest[0], rest[1]);
  else if (command === "off") target.removeEventListener(EVENT + rest[0], rest[1]);
  else {
    const widget = (target as Host)[CONTROL] ? (target as Host) : target.querySelector<Host>(TAG);
    if (widget && widget[CONTROL]) widget[CONTROL]![command]();
    else target.addEventListener(EVENT + "ready", () => run(command, target), { once: true });
  }
}

/** As shared/emit.ts, without a detail. */
const emit = (host: Element, name: string) =>
  host.dispatchEvent(new CustomEvent(EVENT + name, { bubbles: true, composed: true }));

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

function createLauncher(host: HTMLElement): Launcher {
  const button = document.createElement("button");
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(styles);
  const root = host.attachShadow({ mode: "open" });
  root.adoptedStyleSheets = [sheet];
  root.append(button);
  (button as any).part = "button";
  let starting: Promise<void> | undefined;
  let widget: Widget | void;

  /** The folder of the chunks beside this script's, and the hashes of those that open the widget. */
  let [folder, hashes] = [RELEASE, HASHES];
  const address = (name: string) => new URL("../" + folder + name, src).href;

  /**
   * `import()` takes no hash, a preloaded module does, and is the one that import() then finds. WebKit loads it without
   * a look at its hash, and browsers that know no such link import the module itself.
   */
  const preload = (name: string, hash = hashes[name]!): Promise<string> =>
    new Promise((resolve, reject) => {
      const link = document.createElement("link");
      link.rel = "modulepreload";
      link.integrity = "sha256-" + hash;
      link.crossOrigin = "";
      link.href = address(name + "-" + hash.replace(/\W/g, "").slice(0, 8) + ".js");
      link.onload = link.onerror = (event: Event | string) => {
        link.remove();
        ((event as Event).type === "load" ? resolve : reject)(link.href);
      };
      if (link.relList.supports(link.rel)) document.head.append(link);
      else resolve(link.href);
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
  /** All that opens the widget; gives the module to start it with. */
  const load = async () => {
    const chunks = () => Promise.all([preload("core"), preload(isReading(host) ? "browse" : "report")]);
    const [core] = await Promise.race([
      chunks().catch(() => renew().then(chunks)),
      new Promise<never>((_, reject) => setTimeout(reject, READING))
    ]);
    return import(core);
  };
  /**
   * Code and data travel side by side: one round of requests from the click to the form, or to the list. What the
   * network lost, the widget asks for again by itself.
   */
  const start = () =>
    (starting =
      starting ||
      (async () => {
        const control = new AbortController();
        const lang = language();
        const site = service + "/api/v1/sites/" + attribute(host, "site-key");
        const challenge = site + "/challenge" + VERSION;
        const texts = (name: string) => address(name + "-" + TEXTS[name] + ".json");
        const first = [
          site + "?lang=" + lang,
          isExtended(host) ? !attribute(host, "collection") && site + "/problems?" + (sharedQuery() || "") : challenge,
          texts(lang + "-widget"),
          isReading(host) && texts(lang + "-browse")
        ].map(address => address && fetch(address, control as RequestInit).catch(() => {}));
        try {
          widget = await (await load()).mount({ host, service, language, update, first, control, preload });
        } catch {
          // The link of the snippet comes back in place of the button; where an editor has removed it, the next click
          // tries again. The service takes note (sites/sightings.py), so that the webmaster learns of it.
          starting = undefined;
          fetch(challenge + "&failed=load").catch(() => {});
          if (host.querySelector("a")) button.replaceWith(document.createElement("slot"));
          emit(host, "error");
        }
      })());
  const open = async () => {
    await start();
    if (widget) await widget.open();
  };
  button.onclick = open;
  button.onpointerenter = button.onfocus = () => load().catch(() => {});

  const near = new IntersectionObserver(([entry]) => entry!.isIntersecting && start(), { rootMargin: "300px" });
  const update = () => {
    button.textContent = LABELS[language()]!;
    near.disconnect();
    if ((button.hidden = isInline(host))) near.observe(host);
    if (widget) widget.update();
  };
  const close = () => widget && widget.close();
  /** Frameworks move elements: whoever is back at once was not gone. */
  const disconnect = async () => {
    close();
    await starting;
    if (host.isConnected) return;
    if (widget) widget.destroy();
    widget = starting = undefined;
  };
  return {
    open,
    close,
    update,
    connect() {
      update();
      emit(host, "ready");
      if (!shared && (shared = sharedQuery())) open();
    },
    disconnect,
    destroy: () => (host.closest(DIV) || host).remove()
  };
}

// Older browsers, and a second copy of this script, leave everything as it is.
if (src && "adoptedStyleSheets" in Document.prototype && !customElements.get(TAG)) {
  const { q = [] } = (window as any).igrajdanin || {};
  (window as any).igrajdanin = run;
  q.forEach((call: Parameters<typeof run>) => run(...call));
  // Before the definition: elements come to life in the order of the page, whichever way they are written.
  adopt();
  class WidgetElement extends HTMLElement {
    static observedAttributes = ATTRIBUTES;
    declare [CONTROL]: Launcher;
    constructor() {
      super();
      this[CONTROL] = createLauncher(this);
      ATTRIBUTES.forEach(name => {
        const property = name.replace("-k", "K") as "lang";
        // A framework may have set it before the class was defined.
        const early = this[property];
        Object.defineProperty(this, property, {
          get: () => attribute(this, name),
          set: value => {
            this.setAttribute(name, value || "");
          }
        });
        if (early) this.setAttribute(name, early);
      });
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
  new MutationObserver(adopt).observe(window.document, { subtree: true, childList: true });
}
