/** The script of the snippet: turns it into a button, or the inline view, and fetches the rest when it is wanted. */

import { chunk } from "./chunk.ts";
import type { Host, Parts } from "./host.ts";
import { READING } from "./patience.ts";

/** Written in by the build: where the chunks are, the release, the button's styles, and its label by language. */
declare const FOLDER: string;
declare const VERSION: string;
declare const BUTTON_STYLES: string;
declare const LABELS: Record<string, string>;

type Call = [command: "on" | "open" | "close", event?: any, listener?: any];

const TAG = "igrajdanin-widget";
/** A form is no such place: its fields would hide its members. */
const DIV = ":not(form)[data-igrajdanin-widget]";
const EVENT = "igrajdanin:";
const page = document;
const script = page.currentScript;
/** The tag that brought this is the only one that is believed: what else stands in the page, others may have written. */
const { src, dataset } = script instanceof HTMLScriptElement ? script : { src: "", dataset: {} as DOMStringMap };
/** An address that somebody has shared opens one widget: the first that can read it. */
let opened: unknown;

/** igrajdanin("open") · igrajdanin("close") · igrajdanin("on", event, listener); waits for an element to be there. */
const run = (command: Call[0], event?: any, listener?: any) => {
  const widget = page.querySelector(TAG) as Host | null;
  if (command === "on") addEventListener(EVENT + event, listener);
  else if (widget && (widget as Partial<Host>).of) widget[command]();
  else addEventListener(EVENT + "ready", () => run(command), { once: true });
};

/** Builders strip unknown tags but keep `div`: such a one gets the element inside, which reads its attributes too; the widget, once open, watches them. */
const adopt = () => {
  page.querySelectorAll<HTMLElement>(DIV).forEach(div => {
    if (div.querySelector(TAG)) return;
    const widget = page.createElement(TAG);
    widget.setAttribute("site-key", div.getAttribute("data-" + TAG)!);
    widget.append(...div.childNodes);
    div.append(widget);
  });
};

// Older browsers, and a second copy of this script, leave everything as it is.
if (src && "adoptedStyleSheets" in page && !customElements.get(TAG)) {
  const { q = [] } = (window as any).igrajdanin || {};
  (window as any).igrajdanin = run;
  q.forEach((call: Call) => run(...call));
  // Before the definition: elements come to life in the order of the page, whichever way they are written.
  adopt();
  customElements.define(TAG, class extends HTMLElement implements Host {
    /** The others count once the widget is there, and it looks at them itself. */
    static observedAttributes = ["lang", "view"];
    _button = page.createElement("button");
    declare _started?: Promise<unknown> | 0;
  
    constructor() {
      super();
      const button = this._button;
      const root = this.attachShadow({ mode: "open" });
      const sheet = new CSSStyleSheet();
      root.append(button);
      root.adoptedStyleSheets = [sheet];
      sheet.replaceSync(BUTTON_STYLES);
      // The attribute; types know it as a list only.
      (button as any).part = "button";
      button.onclick = () => this.open();
      button.onpointerenter = button.onfocus = () => this.parts().catch(() => {});
    }
    connectedCallback() {
      this.attributeChangedCallback();
      this._emit("ready");
      this._round()[2] && (opened = opened || !(this.open() as unknown));
    }
    disconnectedCallback() {
      this.close();
    }
    attributeChangedCallback() {
      this._button.textContent = LABELS[this.language()]!;
      if (this._button.hidden = this.of("view") === "inline") {
        new IntersectionObserver(([entry]) => entry!.isIntersecting && this._start(), { rootMargin: "300px" }).observe(this);
      }
      this.update();
    }
  
    // The widget, once it is there, puts its own in place of these three.
    open() {
      this._start().then(() => this.open());
    }
    close() {}
    update() {}
  
    of(name: string) {
      return this.getAttribute(name) || (this.closest(DIV) || this).getAttribute("data-" + name) || "";
    }
    language() {
      const lang = (this.of("lang") || page.documentElement.lang).slice(0, 2);
      return LABELS[lang] ? lang : "ru";
    }
    api() {
      return (dataset.api || src.split("/w/")[0]!).replace(/\/$/, "");
    }
    /** Lost where the network failed: the widget asks again by itself. null where it is silent: then somebody must be told. */
    _ask(path: string) {
      const control = new AbortController();
      setTimeout(() => control.abort(), READING * 1000);
      return fetch(this.api() + "/api/v1/sites/" + this.of("site-key") + path, { signal: control.signal })
        .catch(() => control.signal.aborted ? null : undefined);
    }
    _emit(name: string) {
      this.dispatchEvent(new Event(EVENT + name, { bubbles: true, composed: true }));
    }
    /** Chunks the widget opens with, what is asked of the service beside them, and what a shared address asks for (list/address.ts): it opens there. */
    _round(): [chunks: string[], paths: string[], shared?: string] {
      const lang = this.language();
      const [, shared] = location.hash.split("#igrajdanin?");
      return this.of("type") === "extended" ? [["widget", lang, "city-" + lang], ["?lang=" + lang, "/problems?" + (shared || "")], shared]
        : [["basic", lang], ["?lang=" + lang, "/challenge" + VERSION]];
    }
    parts(): Promise<Parts> {
      return Promise.all(this._round()[0].map(name => chunk(name, new URL(FOLDER, src).href))) as Promise<any>;
    }
    /** Code and data travel side by side: one round of requests from the click to the form. */
    _start() {
      if (!this._started) {
        const first = this._round()[1].map(path => this._ask(path));
        (this._started = this.parts().then(parts => parts[0].mount(this, first, parts))).catch(() => {
          // The link of the snippet comes back in place of the button; where an editor has removed it, the next click tries again.
          // The service takes note (sites/sightings.py), so that the webmaster learns of it.
          this._started = 0;
          this._ask("/challenge" + VERSION + "&failed=load");
          this.querySelector("a") && this._button.replaceWith(page.createElement("slot"));
          this._emit("error");
        });
      }
      return this._started;
    }
  });
  new MutationObserver(adopt).observe(window.document, { subtree: true, childList: true });
}
