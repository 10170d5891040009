/**
 * A browsing context made of plain objects: history, location, a document and network as HTML has them. It takes the
 * place of Node's globals; `beginPage` begins another one.
 */

import { enterPage, type FakeDocument, Window } from "./fakeDocument.ts";

const ELSEWHERE = "https://search.test/";
export const HOME = "https://town.test/news";
/** Where the page stands in the history at first. */
export const START = 1;
/** By its <base> the host's links lead elsewhere. */
const BASE = "https://town.test/other/";
/** The host's own. */
export const STATE = { route: "news" };

/** A request without an answer. */
export interface Asked {
  path: string;
  signal: AbortSignal;
  /** What is sent; null where something is only read. */
  body: unknown;
  answer(body: unknown, status?: number): void;
  fail(): void;
}

/** One browsing context: entries of history, traversal as a task of its own, and the count of listeners. */
export class Page extends Window {
  document!: FakeDocument;
  /** The person came from elsewhere. */
  entries = [ELSEWHERE, HOME].map((href, key) => ({ href, key, state: STATE as unknown }));
  at = START;
  /** The browser has the Navigation API, which tells entries of one address apart. */
  hasKeys = true;
  /** Entries that were made while nothing of the widget was open. */
  unasked = 0;
  wasLeft = false;
  private made = START;
  isOpen = () => true;
  tasks: (() => void)[] = [];
  fetches: Asked[] = [];
  /** What is answered at once: files of the widget. */
  files: (path: string) => unknown = () => undefined;

  get href() {
    return this.entries[this.at]!.href;
  }
  write(state: unknown, href: string, push: boolean) {
    const key = push ? ++this.made : this.entries[this.at]!.key;
    const entry = { href: href ? new URL(href, BASE).href : this.href, key, state };
    this.entries.splice((this.at += +push), push ? Infinity : 1, entry);
    if (push) this.unasked += +!this.isOpen();
  }
  go(by: number) {
    this.tasks.push(() => {
      this.wasLeft ||= this.at + by < START;
      if (!this.entries[this.at + by]) return;
      this.at += by;
      this.act("popstate");
    });
  }
}

export let page: Page;
export function beginPage(): Page {
  page = new Page();
  page.document = enterPage({}, page);
  page.document.later = work => page.tasks.push(work);
  return page;
}
beginPage();

const define = (name: string, value: PropertyDescriptor) =>
  Object.defineProperty(globalThis, name, { configurable: true, ...value });
define("location", {
  get: () => ({
    get href() {
      return page.href;
    },
    get hash() {
      return new URL(page.href).hash;
    }
  })
});
define("history", {
  get: () => ({
    get state() {
      return page.entries[page.at]!.state;
    },
    pushState: (state: unknown, _: string, href: string) => page.write(state, href, true),
    replaceState: (state: unknown, _: string, href: string) => page.write(state, href, false),
    go: (by: number) => page.go(by),
    back: () => page.go(-1)
  })
});
define("navigation", { get: () => page.hasKeys && { currentEntry: { key: page.entries[page.at]!.key } } });
define("VERSION", { value: "" });
define("fetch", {
  value: (path: string, { signal, body }: { signal: AbortSignal; body?: string } = {} as never) =>
    new Promise((resolve, reject) => {
      const fail = () => reject(new TypeError("network"));
      const answer = (body: unknown, status = 200) =>
        resolve({ ok: status < 300, status, url: path, json: async () => body } as never);
      const file = page.files(path);
      if (file) return answer(file);
      signal.addEventListener("abort", fail);
      page.fetches.push({ path, signal, body: body ? JSON.parse(body) : null, answer, fail });
    })
});
