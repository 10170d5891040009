/** A view of the report as it is drawn, and everything it does at each act of the person, the network or the clock. */

import { h, render, type ComponentType } from "preact";
import { useState } from "preact/hooks";
import { ApiError, type ErrorBody } from "../shared/api.ts";
import { setPreload } from "../shared/chunks.ts";
import type { Configuration } from "../shared/contract.ts";
import type { Language } from "../shared/i18n.ts";
import { loadWithTexts } from "../shared/lazy.ts";
import { SiteContext, type Site } from "../shared/site.ts";
import { reportSession, type ReportSession } from "../report/session.ts";
import type { Values } from "../report/values.ts";
import { calm } from "./clock.ts";
import { beginWorld, endWorld, Page, Widget, world } from "./fakeBrowser.ts";
import { type FakeElement, type Happening, observers, Sheet, Target, Watch } from "./fakeDocument.ts";
import { difference, nameOf, read, wordsOf } from "./telling.ts";

const globals = globalThis as unknown as Record<string, unknown>;
Object.assign(globals, { PARTS: {}, TEXTS: "", RELEASE: "", HASHES: {}, CSSStyleSheet: Sheet, ...observers });
/** What became of an event. */
const ends = ({ defaultPrevented, isStopped }: Happening): string[] => [
  ...(defaultPrevented ? ["prevented"] : []),
  ...(isStopped ? ["stopped"] : [])
];
/** Pieces of other chunks show what they are given. */
const piece = (...names: string[]) =>
  "data:text/javascript,export const styles = '';" +
  names.map(name => `export const ${name} = props => globalThis.drawPiece('${name}', props);`).join("");
const CHUNKS: Record<string, string> = {
  photos: new URL("../report/photos/entry.ts", import.meta.url).href,
  later: new URL("../report/later.ts", import.meta.url).href,
  mine: new URL("../report/mine/entry.ts", import.meta.url).href,
  map: piece("Picker", "PlaceMap"),
  discussion: piece("Follow")
};
/** Chunks that do not come. */
export const missing = new Set<string>();
setPreload(name => (missing.has(name) ? Promise.reject(new Error(name)) : Promise.resolve(CHUNKS[name]!)));
globals.fetch = () => Promise.resolve({ ok: true, json: () => Promise.resolve({}) });
export const bringChunks = (...names: string[]): Promise<unknown> =>
  Promise.all(names.map(name => loadWithTexts(name, { service: "", lang: "ru" } as Site["options"])));

/** Keys in the place of texts, so that a test tells which text it is, and nothing of how it is worded. */
const said = (key: string, values?: object) =>
  (key === "directions" ? "N, NE, E, SE, S, SW, W, NW" : key) +
  (values ? `(${Object.entries(values).map(([name, value]) => `${name}: ${value}`)})` : "");
export const keys = {
  ...{ lang: "ru", locale: "ru-RU", texts: { solved: "text of solved" }, t: said },
  count: (key: string, n: number) => said(key, { n }),
  number: (n: number) => "" + n,
  date: (when: string | number) => `date(${when})`,
  time: (when: string | number) => `time(${when})`
} as unknown as Language;

export interface Setup {
  config?: object;
  options?: object;
  site?: object;
  values?: Partial<Values>;
  step?: number;
  width?: number;
  /** Attributes of the host. */
  data?: Record<string, string>;
  /** Media queries that match. */
  media?: string;
  navigator?: object;
  /** A page of plain http. */
  isPlain?: boolean;
  before?: (page: Page) => void;
}

interface Asked {
  path: string;
  resolve(data: unknown): void;
  reject(error: ApiError): void;
}

export class Screen {
  /** The dialog. */
  readonly root: FakeElement;
  readonly widget: Widget;
  readonly page: Page;
  readonly report: ReportSession;
  site: Site;
  /** What happened, act by act. */
  readonly story: string[] = [];
  private told: string[] = [];
  /** At each step. */
  private readonly lasts: string[][] = [];
  shown: string[] = [];
  private asked: Asked[] = [];
  private readonly viewport = Object.assign(new Target(), { offsetTop: 0, height: 800 });
  private readonly pictures = new Set<string>();
  private readonly aliases = new Map<string, string>();
  private readonly view: ComponentType;

  /** `bases`: how the form looks at each step while nothing was said: only what differs is told. */
  constructor(
    view: ComponentType,
    setup: Setup = {},
    private readonly bases: string[][] = []
  ) {
    this.view = view;
    beginWorld();
    const log = (text: string) => void this.told.push(text);
    Watch.all.clear();
    this.page = new Page(undefined, "/", setup.data).enter();
    const { document } = this.page;
    document.box.width = setup.width || 400;
    document.happens = (what, element) => log(`${what}: ${nameOf(element)}`);
    if (setup.before) setup.before(this.page);
    const { pictures } = this;
    const Piece = ({ name, put, close, parse, ...props }: Record<string, any>) => {
      useState(() => log("begins " + name));
      return h("div", {
        id: name,
        "data-props": JSON.stringify(props),
        onClick: close,
        ...{ onPut: ({ place }: any) => put(place), onParse: ({ text }: any) => log(JSON.stringify(parse(text))) }
      } as object);
    };
    Object.assign(globals, {
      visualViewport: this.viewport,
      ...{ innerWidth: 1024, innerHeight: 800, getComputedStyle: () => ({ position: "static" }), VERSION: "" },
      isSecureContext: !setup.isPlain,
      print: () => log("print"),
      matchMedia: (query: string) => ({ matches: query === setup.media }),
      drawPiece: (name: string, props: object) => h(Piece as ComponentType, { name, ...props } as object)
    });
    let made = 0;
    URL.createObjectURL = () => {
      const url = `blob:${++made}`;
      pictures.add(url);
      return url;
    };
    URL.revokeObjectURL = url => void pictures.delete(url);
    Object.assign(globalThis.navigator, setup.navigator);
    this.widget = new Widget(this.page, false);
    const { site } = this.widget;
    const host = site.host as unknown as FakeElement;
    this.root = document.createElement("dialog");
    this.root.open = true;
    host.attachShadow().append(this.root);
    for (const name of ["step", "submitted", "error"])
      host.addEventListener("igrajdanin:" + name, event => log(`event ${name} ${JSON.stringify(event.detail)}`));
    Object.assign(site.session, {
      close: () => log("closes"),
      whenPart: (name: string, take: (part: unknown) => void) =>
        take(name === "report" ? this.report : { openProblem: (number: number) => log(`opens problem ${number}`) })
    });
    const { tickets } = site;
    const prepare = () => (log("prepares a ticket"), Promise.resolve(null));
    this.site = {
      ...site,
      ...{ language: keys, visible: true, tickets: { ...tickets, prepare } },
      config: { ...CONFIG, ...setup.config },
      options: { ...site.options, service: "https://w.test", inline: false, extended: true, ...setup.options },
      api: {
        ...site.api,
        get: (path: string, _: unknown, { signal }: { signal: AbortSignal }) => {
          log("asks " + path);
          signal.addEventListener("abort", () => {
            if (this.asked.some(one => one.path === path)) log("gives up " + path);
            this.asked = this.asked.filter(one => one.path !== path);
          });
          return this.wait(path);
        },
        send: (path: string, body: object) => {
          log(`sends ${path} ${JSON.stringify({ ...body, supporter: undefined })}`);
          return this.wait(path);
        },
        submit: () => (log("submits"), this.wait("submit"))
      },
      setStepBack: (_: string, act?: () => void) => log("back: " + !!act),
      turn: (to: string) => log("turns to " + to),
      ...setup.site
    } as unknown as Site;
    this.report = reportSession(this.site);
    if (setup.values) this.report.set(setup.values);
    if (setup.step) this.report.enter(setup.step);
    this.told = [];
  }

  private wait(path: string): Promise<unknown> {
    return new Promise((resolve, reject) => this.asked.push({ path, resolve, reject }));
  }
  draw(site: Partial<Site> = {}): void {
    this.site = { ...this.site, ...site };
    const children = h(this.view, { active: this.site.visible } as object);
    render(h(SiteContext.Provider, { value: this.site, children }), this.root as unknown as Element);
  }

  /** Everything that follows from the act is told in the story. */
  async act(name: string, work: () => unknown): Promise<this> {
    this.page.enter();
    work();
    for (let round = 0; round < 6; round++) {
      await calm();
      await world.clock.pass(0);
    }
    const before = this.shown;
    this.shown = read(this.root);
    const plain = (text: string) =>
      text.replace(/\b[a-z0-9]{8}-\d+\b/g, id => {
        if (!this.aliases.has(id)) this.aliases.set(id, "photo" + this.aliases.size);
        return this.aliases.get(id)!;
      });
    const { step } = this.report.draft;
    let changes = difference(before, this.shown);
    for (const [than, lines] of [
      ["empty", this.bases[step]],
      ["the last time", this.lasts[step]]
    ] as const) {
      const others = lines && [`as ${than}, but`, ...difference(lines, this.shown)];
      if (others && others.length < changes.length) changes = others;
    }
    this.lasts[step] = this.shown;
    this.story.push("> " + plain(name), ...[...this.told, ...changes].map(line => "  " + plain(line)));
    this.told = [];
    return this;
  }

  open = (): Promise<this> => this.act("open", () => this.draw());
  /** By its identifier, or by what it says. */
  private find(name: string): FakeElement {
    const all = this.root.all().filter(one => /^(button|a|label|input|select|textarea|div)$/.test(one.localName));
    const found =
      this.root.getElementById(name) || all.find(one => [wordsOf(one), one.getAttribute("aria-label")].includes(name));
    if (!found) throw new Error(`nothing is called ${name}: ${read(this.root).join("\n")}`);
    return found;
  }
  type = (id: string, value: string): Promise<this> => this.act(`type ${id}`, () => this.find(id).enter(value));
  press = (name: string, more = {}): Promise<this> =>
    this.act(`press ${name}`, () => {
      const button = this.find(name);
      const event = button.press({ detail: 1, ...{ button: 0, ...more } });
      if (button.localName === "a") this.told.push(ends(event).join() || "followed");
    });
  /** `detail`: 0 without a pointer. */
  choose = (name: string, detail = 1): Promise<this> =>
    this.act(`choose ${name}`, () => {
      const label = this.root.all().find(one => one.localName === "label" && wordsOf(one).startsWith(name))!;
      const input = label.querySelector("input")!;
      label.act("click", { detail });
      input.tick(input.getAttribute("type") === "radio" || !input.checked);
    });
  files = (...files: Blob[]): Promise<this> =>
    this.act("files", () => {
      const input = this.root.all().find(one => one.getAttribute("type") === "file")!;
      Object.assign(input, { files, value: "C:" });
      input.act("change");
    });
  fire = (id: string, type: string, more: object = {}): Promise<this> =>
    this.act([type, id, (more as { key?: string }).key].join(" ").trim(), () => {
      this.told.push(...ends((id ? this.find(id) : this.root).act(type, more)));
    });
  submit = (): Promise<this> =>
    this.act("submit", () => this.told.push(...ends(this.root.querySelector("form")!.act("submit"))));
  focus = (id: string): Promise<this> => this.act(`focus ${id}`, () => this.find(id).focus());
  pass = (milliseconds: number): Promise<this> =>
    this.act(`${milliseconds} ms`, () => void world.clock.pass(milliseconds));
  private take(path: string): Asked {
    const found = this.asked.find(one => one.path.startsWith(path));
    if (!found) throw new Error("not asked: " + path);
    this.asked.splice(this.asked.indexOf(found), 1);
    return found;
  }
  answer = (path: string, data: unknown): Promise<this> =>
    this.act(`answer ${path}`, () => this.take(path).resolve(data));
  fail = (path: string, status = 0, body: ErrorBody = {}): Promise<this> =>
    this.act(`${status} ${path}`, () => this.take(path).reject(new ApiError(status, body)));
  /** What is watched comes into sight, or gets another size. */
  see = (kind: "sight" | "size" = "sight", width = 400): Promise<this> =>
    this.act(kind + (kind === "size" ? ` ${width}` : ""), () => {
      for (const one of [this.page.document, ...this.root.all()]) one.box.width = width;
      if (kind === "size") Watch.resize();
      else Watch.see();
    });

  /** Takes the view away, then the widget. What is still there, that should not be. */
  async end(): Promise<string[]> {
    this.page.enter();
    for (let round = 0; round < 9; round++, await calm()) world.pictures.forEach(({ end }) => end());
    render(null, this.root as unknown as Element);
    await calm();
    const stays = this.asked.map(({ path }) => path).filter(path => path !== "submit" && !path.endsWith("/support"));
    if (this.root.listeners.length) stays.push("listeners of the root");
    if (Watch.all.size) stays.push("observers");
    this.widget.destroy();
    await world.clock.pass(0);
    const { window, document } = this.page;
    if (window.listeners.length + document.listeners.length + this.viewport.listeners.length)
      stays.push("listeners of the window");
    if (world.clock.timers.size) stays.push("timers");
    if (this.pictures.size) stays.push(...this.pictures);
    for (const one of world.uploads) one.abort();
    endWorld();
    return stays;
  }
}

export const CONFIG = {
  ...{ name: "Зареченск", type: "extended", language: "ru", contact: "optional", submit: "Отправить" },
  agency: { name: "Администрация", email: "a@town.test" },
  categories: ["Дороги", "Фонари", "Снег"].map((name, index) => ({
    ...{
      code: ["roads", "lights", "snow"][index],
      name,
      words: ["яма асфальт", "ёлочка", "лёд"][index],
      questions: []
    },
    ...{ icon: "M1", track: "", notice_parts: null }
  })),
  statuses: { open: "Открыто", solved: "Решено" },
  map: { center: [55, 38] },
  consent: {
    version: "1",
    url: "https://w.test/c",
    required: "always",
    publish_name: { version: "n", url: "https://w.test/p" }
  },
  limits: { description: { min: 3, max: 40 }, photos: 3 },
  track: { text: "Ответ за 30 дней" },
  appeals_url: "https://w.test/appeal",
  links: { track: "https://w.test/track", site: "https://w.test/s/key" }
} as unknown as Configuration;
