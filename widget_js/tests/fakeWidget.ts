/** A whole widget in a page of plain objects (fakePage.ts, fakeDocument.ts): its own code, from the frame on. */

import { readFileSync } from "node:fs";
import type { OpenOptions, Widget } from "../loader/host.ts";
import { calm as nextTurn, Clock } from "./clock.ts";
import { FakeElement, type ShadowRoot, Watch } from "./fakeDocument.ts";
import { beginPage, page, type Asked } from "./fakePage.ts";
import { FakeStorage } from "./fakeStorage.ts";

const CHUNKS: Record<string, string> = {
  browse: "browse",
  collection: "collection",
  discussion: "problem/discussion",
  figures: "browse/figures",
  filters: "browse/filters",
  problem: "problem"
};
export const SERVICE = "https://w.test";
const ROOT = `${SERVICE}/api/v1/sites/wk`;
/** What the service says of the site. */
export const CONFIG = {
  categories: [{ code: "roads", name: "Дороги", questions: [] }],
  ...{ type: "extended", language: "ru", languages: ["ru", "en"], time_zone: "Europe/Moscow", map: null },
  ...{ agency: { name: "Администрация" }, links: { site: `${SERVICE}/s/wk` } },
  consent: { version: "1", url: "/", publish_name: { version: "n", url: "/" } }
};
/** With plain spaces, to be compared. */
export const plain = (text: string): string =>
  text
    .replace(/[\u00a0\u202f]/g, " ")
    .replace(/ +/g, " ")
    .trim();

const text = (path: string) => JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
/** The words of statuses, which the build puts into the dictionary. */
export const { status: statuses } = text("../../widget_api/locale/statuses.ru.json");
const dictionaries = Object.fromEntries(
  ["ru", "en"].map(lang => {
    const parts = text(`../locales/${lang}.json`);
    const { status, received, rejection } = text(`../../widget_api/locale/statuses.${lang}.json`);
    const outcomes = Object.entries({ ...received, ...rejection.reason }).map(([name, of]) => ["outcome_" + name, of]);
    return [
      lang,
      { ...parts, browse: { ...parts.browse, ...status }, later: { ...parts.later, ...Object.fromEntries(outcomes) } }
    ];
  })
);

/** Of the page: timers and the time of day. */
const RealDate = Date;
export const clock = new Clock(() => calm());
export const pass = clock.pass.bind(clock);
class FakeDate extends RealDate {
  constructor(...given: unknown[]) {
    super(...((given.length ? given : [clock.time]) as [number]));
  }
  static override now = () => clock.time;
}

/** Today, where nobody says of which day. */
class FakeFormat extends Intl.DateTimeFormat {
  // @ts-expect-error It is an accessor, whatever its type says.
  override get format() {
    return (when?: number | Date) => super.format(when ?? clock.time);
  }
}

/** Frames of the screen that are asked for. */
const frames = new Map<number, () => void>();
let made = 0;
/** What the page shares, copies and prints. */
export const device = { isOnline: true, copied: [] as string[], printed: 0, style: { direction: "ltr" } };
const positions: { tell(place: object | null): void }[] = [];

Object.assign(globalThis, {
  RELEASE: "",
  TEXTS: "0",
  HASHES: {},
  PARTS: { report: "widget", browse: "browse", problem: "browse", collection: "collection" },
  isSecureContext: true,
  innerHeight: 800,
  scrolled: 0,
  scrollBy: () => undefined,
  print: () => void device.printed++,
  matchMedia: () => ({ matches: false, addEventListener() {}, removeEventListener() {} }),
  getComputedStyle: () => ({ getPropertyValue: () => "", colorScheme: "light", ...device.style }),
  requestAnimationFrame: (work: () => void) => (frames.set(++made, work), made),
  cancelAnimationFrame: (frame: number) => frames.delete(frame),
  Image: class {},
  setTimeout: clock.set,
  clearTimeout: clock.clear,
  Date: FakeDate
});
Intl.DateTimeFormat = FakeFormat as never;
Object.defineProperty(globalThis, "navigator", {
  configurable: true,
  value: {
    get onLine() {
      return device.isOnline;
    },
    platform: "Linux",
    userAgent: "",
    clipboard: { writeText: async (text: string) => void device.copied.push(text) },
    geolocation: {
      getCurrentPosition: (found: (place: object) => void, failed: (error: object) => void) =>
        positions.push({ tell: place => (place ? found(place) : failed({ code: 1 })) })
    }
  }
});

const address = (name: string) => new URL(`../${CHUNKS[name]}/entry.ts`, import.meta.url).href;
const { mount } = await import("../shell/widget.tsx");
for (const name in CHUNKS) await import(address(name));

/** Chunks on their way: their modules are here, and Node takes a while to say so. */
const arriving: string[] = [];
/** Everything that was promised so far has happened. */
export async function calm(): Promise<void> {
  for (let turn = 0; turn < 6 || arriving.length; turn++) {
    await nextTurn();
    page.tasks.splice(0).forEach(task => task());
    for (const name of arriving.splice(0)) await import(address(name));
  }
}

/** One element of the page, and the widget that it opens. */
export class Mounted {
  readonly host: FakeElement;
  readonly root: ShadowRoot;
  readonly events: string[] = [];
  widget!: Widget;
  /** Chunks that do not come. */
  readonly missing = new Set<string>();
  private draw = () => undefined as void;

  constructor(attributes: Record<string, string>) {
    const host = (this.host = new FakeElement("igrajdanin-widget"));
    for (const [name, value] of Object.entries({ "site-key": "wk", type: "extended", ...attributes }))
      host.setAttribute(name, value);
    this.root = host.attachShadow();
    Object.assign(host, { dispatchEvent: (event: Event) => this.events.push(event.type), scrollIntoView() {} });
    page.document.body.append(host);
  }
  async begin(): Promise<this> {
    const { host } = this;
    const launch = {
      host: host as never,
      service: SERVICE,
      language: () => host.getAttribute("lang") || "ru",
      update: () => this.draw(),
      first: [],
      list: true,
      control: new AbortController(),
      preload: async (name: string) => {
        if (this.missing.has(name) || !CHUNKS[name]) throw new Error("network");
        arriving.push(name);
        return address(name);
      }
    };
    this.widget = await mount(launch);
    this.draw = () => this.widget.update();
    return this;
  }
  async set(name: string, value: string): Promise<void> {
    this.host.setAttribute(name, value);
    this.widget.update();
    await calm();
  }
  async open(options?: OpenOptions): Promise<void> {
    await this.widget.open(options);
    await calm();
  }
  /** The person's hand is in the widget: focus and scroll may follow. */
  touch(): void {
    this.host.act("click");
  }
  /** The first element that fits; its words may say which. */
  find(selector: string, words?: string): FakeElement | undefined {
    return this.all(selector).find(one => !words || one.textContent.includes(words));
  }
  /** Those that can be seen. */
  all(selector: string): FakeElement[] {
    return this.root.querySelectorAll(selector).filter(one => !one.closest("[hidden]"));
  }
  async press(element: FakeElement | undefined, members: object = {}): Promise<void> {
    if (!element) throw new Error("nothing to press in: " + this.root.textContent);
    element.press(members);
    await calm();
  }
  get focused(): string {
    const { activeElement } = this.root;
    return activeElement ? activeElement.id || activeElement.textContent : "";
  }
  destroy(): void {
    this.host.remove();
    this.widget.destroy();
  }
}

/** Another page without a past. `now`: milliseconds. */
export function beginWidgets(now = Date.parse("2026-12-01T09:00:00Z")): void {
  beginPage().files = path => {
    const [, lang, part] = /(\w\w)-(\w+)-0\.json$/.exec(path) || [];
    return lang && dictionaries[lang][part!];
  };
  clock.time = now;
  clock.timers.clear();
  Object.assign(globalThis, { localStorage: new FakeStorage() });
  Object.assign(device, { isOnline: true, copied: [], printed: 0 });
  frames.clear();
  positions.length = 0;
}
/** The page is loaded anew; what the browser stores stays. */
export function restart(): void {
  const { localStorage } = globalThis;
  beginWidgets(clock.time);
  Object.assign(globalThis, { localStorage });
}
export { frames, positions, Watch };

/** What is asked of the screen's next frames. */
export async function draw(): Promise<void> {
  while (frames.size) {
    const due = [...frames.values()];
    frames.clear();
    due.forEach(work => work());
    await calm();
  }
}
/** A question to the service that waits for its answer, taken from the list of those. */
export function asked(path: string | RegExp): Asked | undefined {
  const at = page.fetches.findIndex(
    one => !one.signal.aborted && (typeof path === "string" ? one.path === ROOT + path : path.test(one.path))
  );
  return at < 0 ? undefined : page.fetches.splice(at, 1)[0];
}
/** All that wait, below the site's address. */
export const waiting = (): string[] =>
  page.fetches.filter(one => !one.signal.aborted).map(one => one.path.slice(ROOT.length));
export async function answer(path: string | RegExp, body: unknown, status?: number): Promise<void> {
  const found = asked(path);
  if (!found) throw new Error(`nobody asks for ${path}, but for ${waiting()}`);
  found.answer(body, status);
  await calm();
}
export async function fail(path: string | RegExp): Promise<void> {
  const found = asked(path);
  if (!found) throw new Error(`nobody asks for ${path}, but for ${waiting()}`);
  found.fail();
  await calm();
}
