/**
 * The widget around its views, beside a model of it: what is read on it, what the page is told, where the focus is and
 * what is asked for, in generated sequences of what people, pages and networks do. The views are small ones of this
 * file; everything else is the widget's own, drawn into a document of plain objects.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { h } from "preact";
import type { Launch, Widget } from "../loader/host.ts";
import type { Site } from "../shared/site.ts";
import ru from "../locales/ru.json";
import { calm } from "./clock.ts";
import {
  enterPage,
  type FakeDocument,
  FakeElement,
  type FakeNode,
  Happening,
  leavePage,
  Observer,
  Sheet,
  Target,
  Watch
} from "./fakeDocument.ts";
import { generator, SEED } from "./seed.ts";

const SEQUENCES = 50;
const LENGTH = 40;
const SERVICE = "https://w.test";

const globals = globalThis as unknown as Record<string, unknown>;

/** A text names itself and its language. */
const textsOf = (lang: string, part: string): object =>
  Object.fromEntries(
    Object.keys(ru[part as "widget"]).map(key => [key, key === "locale" ? lang : `${key} ${lang}`] as const)
  );

/** Chunks that have come make one each. */
class CountedSheet extends Sheet {
  static made = 0;
  override replaceSync(css: string): void {
    super.replaceSync(css);
    CountedSheet.made++;
  }
}

interface Request {
  /** What is asked for, in short. */
  name: string;
  answer(status: number, body?: object): void;
  fail(): void;
}

class World {
  readonly document: FakeDocument;
  readonly host: FakeElement;
  /** Around the host, with attributes of its own. */
  readonly div: FakeElement;
  requests: Request[] = [];
  readonly told: string[] = [];
  /** By the second name of each event. */
  readonly toldAgain: string[] = [];
  readonly pictures: string[] = [];
  readonly logged: string[] = [];
  readonly scheme = Object.assign(new Target(), { matches: false });
  readonly timers = new Set<() => void>();
  readonly history = { entries: [0], at: 0, made: 0 };
  readonly sites: Record<string, Site> = {};
  readonly active: Record<string, boolean> = {};
  broken = false;
  /** Acts inside the widget that the page around it has seen. */
  leaked = 0;
  /** Of the page, for a text. */
  readonly field: FakeElement;

  constructor() {
    const { history } = this;
    const key = () => String(history.entries[history.at]);
    this.document = enterPage({
      CSSStyleSheet: CountedSheet,
      matchMedia: () => this.scheme,
      getComputedStyle: (element: FakeElement) => ({
        colorScheme: element.style.colorScheme || "normal",
        getPropertyValue: (name: string) => element.style[name] || ""
      }),
      Image: class {
        set src(address: string) {
          world.pictures.push(address.replace(`${SERVICE}/api/v1/sites/`, ""));
        }
      },
      location: { href: "https://town.test/", hash: "" },
      navigation: {
        get currentEntry() {
          return { key: key() };
        }
      },
      history: {
        state: null,
        pushState: () => history.entries.splice(++history.at, Infinity, ++history.made),
        go: (by: number) => setTimeout(() => this.move(by))
      },
      fetch: (address: string, { signal }: { signal?: AbortSignal } = {}) => this.ask(address, signal),
      setTimeout: (work: () => void, wait = 0) => {
        if (wait < 1000) this.timers.add(work);
        return work;
      },
      clearTimeout: (work: () => void) => this.timers.delete(work),
      console: { ...console, error: (...line: unknown[]) => this.logged.push(line.join(" ")) },
      RELEASE: "1/",
      TEXTS: "t",
      VERSION: "?v",
      PARTS: { report: "widget", browse: "browse" }
    });
    this.host = new FakeElement("igrajdanin-widget");
    this.host.attachShadow();
    this.field = new FakeElement("input");
    this.div = new FakeElement("div");
    this.div.setAttribute("data-igrajdanin-widget", "k1");
    this.div.append(this.host);
    this.document.body.append(this.div, this.field);
    for (const name of ["click", "keydown"]) this.host.addEventListener(name, () => this.leaked++);
    for (const name of ["open", "close", "error"])
      for (const [event, told] of [
        ["igrajdanin:", this.told],
        ["igrajdanin-", this.toldAgain]
      ] as const)
        this.host.addEventListener(event + name, ({ detail }) =>
          told.push(name + (detail ? " " + JSON.stringify(detail) : ""))
        );
  }
  move(by: number): void {
    this.history.at += by;
    this.document.window.dispatchEvent(new Happening("popstate"));
  }
  ask(address: string, signal?: AbortSignal): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const [, file] = /\/([\w-]+)-t\.json$/.exec(address) || [];
      const place = address.startsWith(SERVICE) ? " of the service" : "";
      const name = file ? `texts ${file}${place}` : "config " + address.replace(/.*sites\/|\?lang=/g, " ").trim();
      const end = (work: () => void) => {
        this.requests = this.requests.filter(one => one !== request);
        work();
      };
      const request: Request = {
        name,
        answer: (status, body) =>
          end(() => resolve({ ok: status === 200, status, url: address, json: async () => body })),
        fail: () => end(() => reject(new TypeError("network")))
      };
      if (signal && signal.aborted) return reject(new TypeError("aborted"));
      if (signal) signal.addEventListener("abort", request.fail);
      this.requests.push(request);
    });
  }
  /** A chunk on its way, as the loader brings it. */
  preload = (name: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const end = (work: () => void) => {
        this.requests = this.requests.filter(one => one !== request);
        work();
      };
      const code = `export const View = props => globalThis.views("${name}", props); export const styles = "${name}"`;
      const request: Request = {
        name: "chunk " + name,
        answer: () =>
          end(() => {
            this.importing = CountedSheet.made + 1;
            resolve("data:text/javascript," + encodeURIComponent(code));
          }),
        fail: () => end(() => reject(new Error("network")))
      };
      this.requests.push(request);
    });
  /** How many style sheets there are when a chunk is here. */
  private importing = 0;
  async settle(): Promise<void> {
    // Node resolves an import in another thread.
    while (CountedSheet.made < this.importing) await new Promise(resolve => wait(resolve, 1));
    for (let turn = 0; turn < 8; turn++) {
      await calm();
      for (const work of [...this.timers]) {
        this.timers.delete(work);
        work();
      }
    }
  }
}
const wait = setTimeout;
let world!: World;

/** What is read from top to bottom: buttons in brackets, links with their address, the rest as it is. */
function read(node: FakeNode): string[] {
  if (!(node instanceof FakeElement)) return node.textContent.trim() ? [node.textContent.trim()] : [];
  if (node.hidden || node.getAttribute("aria-hidden")) return [];
  if (node.localName === "button") return [`[${node.getAttribute("aria-label") || node.textContent}]`];
  if (node.localName === "a") return [`${node.textContent} → ${node.getAttribute("href")}`];
  const role = node.getAttribute("role");
  const inner = node.childNodes.flatMap(read);
  return role && inner.length ? [`${role}: ${inner[0]}`, ...inner.slice(1)] : inner;
}

type View = "report" | "browse" | "mine";
interface Load {
  view: View;
  waits: Set<string>;
}

/** What a widget shows and tells, written apart from it. */
class Model {
  attributes: Record<string, string> = { "site-key": "k1", lang: "ru" };
  lang = "ru";
  requests: string[] = [];
  told: string[] = [];
  pictures: string[] = [];
  isOpen = false;
  /** What it began with. */
  first: View = "report";
  view: View = "report";
  before: View | undefined;
  config: { key: string; lang: string } | null = null;
  error: { status: number; code?: string } | null = null;
  hasCrashed = false;
  title: string | undefined;
  steps: Partial<Record<View, string>> = {};
  readonly here = new Set<string>();
  readonly parts = new Set<string>();
  /** Languages that come, with the parts that are still missing. */
  coming: { lang: string; parts: Set<string> }[] = [];
  loads: Load[] = [];
  mounted: Partial<Record<View, "none" | "here" | "failed">> = {};
  isRendered = true;
  /** What the page says of its colours, and the system of its own. */
  page = { scheme: "normal", accent: "" };
  isDark = false;
  scrolls = 0;
  /** The loader has asked for the configuration: after a failure it is asked for again. */
  isEarly = false;
  /** A drawing that was interrupted by its own consequence. */
  key = "k1";
  isInline = false;
  private wasShown: View | undefined;

  get isReading(): boolean {
    return this.attributes.type === "extended" || this.attributes.view === "figures";
  }
  get isFigures(): boolean {
    return this.attributes.view === "figures";
  }
  get inline(): boolean {
    return this.attributes.view === "inline" || this.isFigures;
  }
  get failure(): { status: number; code?: string } | null {
    return this.hasCrashed ? this.crash : this.config ? null : this.error;
  }
  get isExtended(): boolean {
    const isBasic = !!this.config && this.config.key === "k2";
    return this.isReading && this.here.has(this.lang + "-browse") && !this.failure && (this.isFigures || !isBasic);
  }
  get shown(): View {
    if (this.view === "mine") return "mine";
    return !this.isExtended ? "report" : this.isFigures ? "browse" : this.view;
  }
  get wanted(): string {
    return this.attributes.lang === "en" ? "en" : "ru";
  }

  ask(name: string): void {
    if (!this.requests.includes(name)) this.requests.push(name);
  }
  askText(part: string, lang = this.lang): boolean {
    this.parts.add(part);
    const name = `${lang}-${part}`;
    if (this.here.has(name)) return false;
    if (!this.requests.some(one => one.startsWith("texts " + name))) this.requests.push("texts " + name);
    return true;
  }
  askConfig(): void {
    this.requests.push(`config ${this.key} ${this.lang}`);
  }
  /** Attributes changed, or a language came. */
  update(): void {
    const { wanted } = this;
    if (this.isReading) this.askText("browse");
    if (wanted !== this.lang) {
      const missing = [...this.parts].filter(part => !this.here.has(`${wanted}-${part}`));
      if (missing.length) {
        for (const part of missing) this.askText(part, wanted);
        this.coming.push({ lang: wanted, parts: new Set(missing) });
      } else this.lang = wanted;
    }
    this.draw();
  }
  private sessionLang = "ru";
  draw(): void {
    const { attributes, isOpen } = this;
    if (attributes["site-key"] !== this.key) {
      this.requests = this.requests.filter(name => !name.startsWith("config"));
      this.key = attributes["site-key"]!;
      [this.config, this.error, this.hasCrashed, this.isOpen] = [null, null, false, false];
      [this.view, this.before, this.title, this.steps] = [this.first, undefined, undefined, {}];
      this.mounted = {};
      this.isEarly = false;
      this.loads = [];
      this.sessionLang = this.lang;
      this.isInline = this.inline;
      this.askConfig();
      if (isOpen) {
        this.isOpen = true;
        this.drawViews();
        if (!this.closeHidden()) this.told.push("open");
        return;
      }
    }
    if (this.lang !== this.sessionLang) {
      this.sessionLang = this.lang;
      if (!this.error) this.askConfig();
    }
    this.drawViews();
    this.closeHidden();
  }
  /** A dialog that nobody would see closes at once. */
  closeHidden(): boolean {
    const isLost = this.isOpen && !this.inline && !this.isRendered;
    if (isLost) {
      this.told.push('error {"code":"hidden"}');
      this.warn("is in a hidden part of the page");
      this.isOpen = false;
      this.told.push("close");
      this.drawViews();
    }
    return isLost;
  }
  drawViews(): void {
    if (this.isInline !== this.inline) {
      // All of it is drawn anew.
      this.drop("report", "browse", "mine");
      this.refused = null;
    }
    this.isInline = this.inline;
    const { shown, failure, config, attributes } = this;
    if (config && attributes.category === "nothing")
      this.warn(`category="nothing". ${this.t("category_label")}: roads`);
    const stands = (view: View) =>
      !!this.config && !failure && (view === "report" || (view === "browse" ? this.isExtended : shown === "mine"));
    for (const view of ["report", "browse", "mine"] as const) {
      if (!stands(view)) this.drop(view);
      else {
        const isNew = !this.mounted[view];
        if (isNew) {
          this.mounted[view] = "none";
          if (this.here.has("chunk " + view) && !this.askText(partOf(view))) this.mounted[view] = "here";
        }
        if (shown === view && (isNew || this.wasShown !== view) && this.mounted[view] !== "here") this.load(view);
      }
    }
    this.wasShown = this.config && !failure ? shown : undefined;
    if (failure && failure !== this.refused) {
      const { status } = failure;
      if (!status || status > 499) this.report("config");
      if (status === 403) this.warn(`not ${SERVICE}/sites/new`);
      if (status === 404) this.warn("404");
      this.told.push("error " + JSON.stringify(failure));
    }
    this.refused = failure;
  }
  private refused: object | null = null;
  private readonly crash = { status: 400 };
  private drop(...views: View[]): void {
    for (const view of views) {
      delete this.mounted[view];
      if (this.wasShown === view) this.wasShown = undefined;
    }
    this.loads = this.loads.filter(({ view }) => !views.includes(view));
  }
  load(view: View): void {
    if (this.mounted[view] === "failed") this.mounted[view] = "none";
    const waits = new Set<string>();
    if (!this.here.has("chunk " + view)) {
      waits.add("chunk " + view);
      this.ask("chunk " + view);
    }
    if (this.askText(partOf(view))) waits.add(`texts ${this.lang}-${partOf(view)}`);
    if (waits.size) this.loads.push({ view, waits });
    else this.mounted[view] = "here";
  }
  readonly logged = new Set<string>();
  private warn(line: string): void {
    this.logged.add(`igrajdanin-widget site-key="${this.key}" data-api="${SERVICE}": ${line}`);
  }
  report(failure: string): void {
    const line = `${this.key}/challenge?v&failed=${failure}`;
    if (!this.pictures.includes(line)) this.pictures.push(line);
  }
  /** A request ended; the answer was a good one. */
  end(name: string, status: number): void {
    this.requests.splice(this.requests.indexOf(name), 1);
    const isGood = status === 200;
    if (name.startsWith("config")) return this.configure(name, status);
    if (!isGood && name.startsWith("texts") && !name.endsWith("service"))
      return void this.requests.push(name + " of the service");
    const short = name.replace(" of the service", "");
    const file = short.replace("texts ", "");
    if (isGood) this.here.add(file);
    for (const load of [...this.loads])
      if (load.waits.delete(short)) {
        if (!isGood) {
          this.mounted[load.view] = this.mounted[load.view] === "here" ? "here" : "failed";
          this.loads.splice(this.loads.indexOf(load), 1);
        } else if (!load.waits.size) {
          this.mounted[load.view] = "here";
          this.loads.splice(this.loads.indexOf(load), 1);
        }
      }
    if (isGood && file.endsWith("-browse")) this.draw();
    for (const coming of [...this.coming]) {
      const [lang, part] = file.split("-") as [string, string];
      if (coming.lang !== lang || !coming.parts.delete(part)) continue;
      if (isGood && coming.parts.size) continue;
      this.coming.splice(this.coming.indexOf(coming), 1);
      if (isGood) this.update();
    }
  }
  private configure(name: string, status: number): void {
    const [, key, lang] = name.split(" ") as [string, string, string];
    const wasEarly = this.isEarly;
    this.isEarly = false;
    if (wasEarly && !status) return void this.requests.push(name);
    if (lang !== this.lang || key !== this.key) return;
    if (status === 200) [this.config, this.error] = [{ key, lang }, null];
    else if (this.config) return;
    else this.error = status === 403 ? { status, code: "origin_not_registered" } : { status };
    this.drawViews();
  }
  t(key: string): string {
    return `${key} ${this.lang}`;
  }
  /** Leads from what is open to what was before it; nothing where that is the way out. */
  get leave(): (() => void) | undefined {
    const { before } = this;
    return before && (() => this.turn(before));
  }
  get stepBack(): (() => void) | undefined {
    const { shown } = this;
    return this.steps[shown] ? () => this.step(shown) : this.leave;
  }
  step(view: View): void {
    delete this.steps[view];
    this.drawViews();
  }
  turn(to: View): void {
    this.before = this.before === to ? undefined : this.shown;
    this.view = to;
    this.drawViews();
  }
  setOpen(to: boolean): void {
    const isTurned = this.isOpen !== to;
    this.isOpen = to;
    this.drawViews();
    if (!this.closeHidden() && isTurned) this.told.push(to ? "open" : "close");
  }
  setRendered(to: boolean): void {
    this.isRendered = to;
    if (!to && this.isOpen && !this.inline) this.setOpen(false);
  }
  get theme(): string {
    const { theme } = this.attributes;
    if (theme && theme !== "auto") return theme;
    const names = this.page.scheme.split(" ").filter(name => name !== "normal");
    return (names.length === 1 ? names[0] === "dark" : this.isDark) ? "dark" : "light";
  }
  /** Views that are here, seen or not. */
  get standing(): View[] {
    return (Object.keys(this.mounted) as View[]).filter(view => this.mounted[view] === "here");
  }
  /** What is read. */
  text(): string[] {
    const { shown, failure, inline, config } = this;
    const isForm = shown === "report";
    const back = isForm ? this.leave : this.stepBack;
    const isLeave = !!back && (isForm || !this.steps[shown]);
    const title =
      shown === "mine"
        ? "mine"
        : isForm
          ? "title"
          : this.isFigures
            ? "figures"
            : this.attributes.collection
              ? "loading_list"
              : "list_title";
    const lines = [];
    if (back) lines.push(`[${this.t(!isLeave || this.before === "browse" ? "problem_back" : "back")}]`);
    lines.push(failure ? this.t("unavailable_title") : this.title || this.t(title));
    if (!inline) lines.push(`[${this.t("close")}]`);
    if (config) lines.push(`agency ${config.key} ${config.lang}`);
    if (failure) lines.push(...this.refusal(failure.status));
    else if (!config) lines.push("status: " + this.t("loading"));
    else {
      if (isForm && !this.steps.report) {
        lines.push(`[${this.t("mine")}]`);
        if (this.isExtended) lines.push(`[${this.t("list_title")}]`);
      }
      lines.push(...this.viewText(shown));
    }
    return lines;
  }
  private refusal(status: number): string[] {
    const texts: Record<number, string> = { 403: "unavailable_origin", 404: "unavailable_key", 429: "waiting_limit" };
    const lines = ["alert: " + this.t(texts[status] || "unavailable_server")];
    if (status === 404) return lines;
    if (status !== 403) lines.push(`[${this.t("retry")}]`);
    lines.push(this.link());
    if (this.config) lines.push(`mail@${this.config.key} → mailto:mail@${this.config.key}`);
    return lines;
  }
  private link(): string {
    return `${this.t("unavailable_link")} → ${SERVICE}/s/${this.key}/report`;
  }
  private viewText(view: View): string[] {
    const state = this.mounted[view];
    if (state === "here") {
      const isActive = this.isOpen || this.inline;
      const time = this.config!.key === "k1" ? "10:00" : "03:00";
      return [`${view} ${isActive ? "active" : "idle"} ${this.attributes.category || "-"} ${this.lang} ${time}`];
    }
    if (state === "failed") return [`alert: ${this.t("unavailable_server")}`, `[${this.t("retry")}]`, this.link()];
    return ["status: " + this.t("loading")];
  }
}
const partOf = (view: View): string => ({ report: "widget", browse: "browse", mine: "later" })[view];

test(`what is around the views is as the model says (SEED=${SEED})`, async () => {
  for (let round = 0; round < SEQUENCES; round++) {
    const pick = generator(SEED * 1000 + round);
    world = new World();
    const { document, host } = world;
    const again = `?world=${round}`;
    const { useSite } = (await import("../shared/site.ts" + again)) as typeof import("../shared/site.ts");
    const { mount } = (await import("../shell/widget.tsx" + again)) as typeof import("../shell/widget.tsx");
    function Small({ name, active }: { name: View; active: boolean }) {
      const site = (world.sites[name] = useSite());
      world.active[name] = active;
      if (world.broken) {
        world.broken = false;
        throw new Error("broken");
      }
      const { language, options } = site;
      const time = language.time(0).slice(0, 5);
      return h("p", {}, `${name} ${active ? "active" : "idle"} ${options.category || "-"} ${language.lang} ${time}`);
    }
    globals.views = (name: View, { active }: { active: boolean }) => h(Small, { name, active });

    const model = new Model();
    model.attributes["site-key"] = model.key = ["k1", "k2"][pick(2)]!;
    if (pick(2)) model.attributes.type = "extended";
    if (pick(3) === 0) model.attributes.view = ["inline", "figures", "floating"][pick(3)]!;
    for (const [name, value] of Object.entries(model.attributes)) host.setAttribute(name, value);
    const list = model.isReading && model.inline;
    const control = new AbortController();
    const { folder } = (await import("../shared/chunks.ts" + again)) as typeof import("../shared/chunks.ts");
    const launch: Launch = {
      host: host as never,
      service: SERVICE,
      language: () => (host.getAttribute("lang") === "en" ? "en" : "ru"),
      update: () => widget && widget.update(),
      first: (pick(2) ? [`${SERVICE}/api/v1/sites/${model.key}?lang=ru`, "", folder + "ru-widget-t.json"] : []).map(
        address => (address ? world.ask(address, control.signal).catch(() => {}) : undefined) as never
      ),
      list,
      control,
      preload: world.preload
    };
    let widget: Widget | undefined;
    void mount(launch).then(made => (widget = made));
    const first = list ? "browse" : "report";
    model.view = model.first = first;
    model.isInline = model.inline;
    await world.settle();
    const begun = world.requests.map(({ name }) => name);
    assert.deepEqual(begun, [...new Set(begun)], "nothing is asked for twice");
    const answer = (request: Request, status = 200) => {
      const { name } = request;
      const [kind, what = "", lang = ""] = name.split(" ");
      if (status === 0) return request.fail();
      if (status !== 200)
        return request.answer(status, status === 403 ? { code: "origin_not_registered", detail: "not" } : {});
      if (kind === "texts") return request.answer(200, textsOf(...(what.split("-") as [string, string])));
      request.answer(200, {
        lang,
        type: what === "k2" ? "basic" : "extended",
        categories: [{ code: "roads" }],
        time_zone: what === "k1" ? "Asia/Vladivostok" : "Europe/Moscow",
        colours: { "--igw-accent": what },
        agency: { name: `agency ${what} ${lang}`, email: "mail@" + what }
      });
    };
    model.isEarly = !!launch.first[0];
    while (!widget) {
      answer(world.requests.find(({ name }) => !name.startsWith("config"))!);
      await world.settle();
    }
    model.parts.add("widget");
    for (const name of ["chunk " + first, "ru-widget", ...(list ? ["ru-browse"] : [])]) model.here.add(name);
    model.askConfig();
    model.update();
    await world.settle();

    const root = host.shadowRoot!;
    const find = (text: string) => root.querySelectorAll("button").filter(one => read(one)[0] === `[${text}]`);
    const dialog = () => root.querySelector("dialog");
    const press = (text: string): boolean => {
      const [button] = find(text).filter(one => !one.closest("[hidden]"));
      assert.ok(button, `no button ${text}`);
      button.press();
      return true;
    };
    const played: string[] = [];
    /** Where the focus has to be. */
    let focus: string | undefined;
    const attribute = (name: string, ...values: string[]) => {
      const value = values[pick(values.length)]!;
      played.push(`${name}=${value}`);
      const isChanged = (model.attributes[name] || "") !== value;
      model.attributes[name] = value;
      host.setAttribute(name, value);
      widget!.update();
      void isChanged;
      model.update();
    };
    const isModal = () => model.isOpen && !model.inline;
    const open = (wish?: object) => {
      if (!model.isOpen) focus = "title";
      model.scrolls += +(model.inline && document.focused !== world.field);
      void widget!.open(wish);
    };
    const acts: Record<string, () => unknown> = {
      open: () => {
        open();
        model.setOpen(true);
      },
      "hide the part of the page": () => {
        document.isRendered = !document.isRendered;
        Watch.all.forEach(({ tell }) => tell([]));
        model.setRendered(document.isRendered);
      },
      "write in the page": () => {
        world.field.act("pointerdown");
        world.field.focus();
      },
      "the page has other colours": () => {
        model.page = { scheme: ["normal", "light", "dark", "light dark"][pick(4)]!, accent: ["", "red"][pick(2)]! };
        host.style.colorScheme = model.page.scheme;
        host.style["--igw-accent"] = model.page.accent;
        document.documentElement.setAttribute("class", String(pick(9)));
        model.update();
      },
      "the system turns dark": () => {
        model.isDark = world.scheme.matches = !model.isDark;
        world.scheme.dispatchEvent(new Happening("change"));
        model.draw();
      },
      theme: () => {
        const theme = ["", "auto", "dark", "light", "contrast"][pick(5)]!;
        played.push(theme);
        world.div.setAttribute("data-theme", (model.attributes.theme = theme));
        model.update();
      },
      "a title": () => {
        if (model.mounted[model.shown] !== "here") return;
        world.sites[model.shown]!.session.setTitle((model.title = model.title ? undefined : "A problem"));
      },
      "closed by the browser and opened at once": () => {
        if (!isModal()) return;
        dialog()!.close();
        open();
        model.setOpen(true);
      },
      "open a view": () => {
        const wish = [{ view: "report" }, { view: "list" }, { problem: 3 }, { category: "roads" }][pick(4)] as object;
        played.push(JSON.stringify(wish));
        open(wish);
        model.view = "view" in wish && wish.view === "list" ? "browse" : "problem" in wish ? "browse" : "report";
        model.before = undefined;
        model.setOpen(true);
      },
      close: () => {
        widget!.close();
        model.setOpen(false);
      },
      cross: () => isModal() && press(model.t("close")) && model.setOpen(false),
      backdrop: () => {
        if (!isModal()) return;
        dialog()!.act("pointerdown");
        dialog()!.act("click");
        model.setOpen(false);
      },
      "select a text out to the backdrop": () => {
        if (!isModal()) return;
        root.querySelector("h2")!.act("pointerdown");
        dialog()!.act("click");
      },
      escape: () => {
        if (!isModal()) return;
        dialog()!.act("keydown", { key: "Escape" });
        if (dialog()!.act("cancel", { bubbles: false }).defaultPrevented) model.setOpen(false);
        assert.equal(model.isOpen, false, "the browser closes it by itself");
      },
      "cancel a choice of files": () => {
        if (isModal()) root.querySelector("h2")!.act("cancel", { cancelable: false });
      },
      "back of a phone": () => {
        if (!isModal()) return;
        dialog()!.act("pointerdown");
        dialog()!.act("cancel", { bubbles: false });
        const back = model.stepBack;
        if (back === model.leave && back) focus = "title";
        if (back) back();
        else model.setOpen(false);
      },
      "back in the history": () => {
        if (!isModal() || !world.history.at) return;
        world.move(-1);
        const back = model.stepBack;
        if (back) back();
        else model.setOpen(false);
      },
      "closed by the browser": () => {
        if (!isModal()) return;
        dialog()!.close();
        model.setOpen(false);
      },
      "own reports": () => {
        if (!model.text().includes(`[${model.t("mine")}]`)) return;
        press(model.t("mine"));
        model.turn("mine");
        focus = "title";
      },
      "the list": () => {
        if (!model.text().includes(`[${model.t("list_title")}]`)) return;
        press(model.t("list_title"));
        model.turn("browse");
        focus = "title";
      },
      "back button": () => {
        const [first] = model.text();
        if (!first!.startsWith("[")) return;
        press(first!.slice(1, -1));
        const isStep = model.shown !== "report" && !!model.steps[model.shown];
        if (isStep) model.step(model.shown);
        else {
          model.leave!();
          focus = "title";
        }
      },
      "a step inside": () => {
        const { shown } = model;
        if (shown === "mine" || model.mounted[shown] !== "here" || model.failure) return;
        const { session } = world.sites[shown]!;
        session.setStepBack(shown, () => session.setStepBack(shown));
        model.steps[shown] = "step";
        model.drawViews();
      },
      retry: () => {
        if (!model.text().includes(`[${model.t("retry")}]`)) return;
        press(model.t("retry"));
        if (model.failure) {
          [model.hasCrashed, model.error] = [false, null];
          model.drawViews();
          model.askConfig();
        } else {
          model.load(model.shown);
        }
        focus = "title";
      },
      break: () => {
        if (pick(4) || model.failure || !Object.values(model.mounted).includes("here")) return;
        world.broken = true;
        widget!.update();
        model.hasCrashed = true;
        model.report("crash");
        model.update();
      },
      type: () => attribute("type", "basic", "extended"),
      view: () => attribute("view", "", "inline", "figures", "floating"),
      lang: () => attribute("lang", "ru", "en"),
      "another language": () => attribute("lang", "ru", "en"),
      key: () => pick(3) || attribute("site-key", "k1", "k2"),
      category: () => attribute("category", "", "roads", "nothing"),
      collection: () => attribute("collection", "", "ideas"),
      "an extension takes it out": () => {
        root.querySelectorAll("div")[0]!.remove();
        widget!.update();
        model.update();
      }
    };
    const requested = (status: (name: string) => number) => () => {
      const request = world.requests[pick(world.requests.length || 1)];
      if (!request) return;
      const given = status(request.name);
      played.push(`${request.name} ${given}`);
      answer(request, given);
      model.end(request.name, given);
    };
    acts.answer = acts["another answer"] = acts["a third answer"] = requested(() => 200);
    acts.fail = requested(name => (name.startsWith("config") ? [0, 403, 404, 429, 500][pick(5)]! : 0));

    // Most happens in what is open, and has come.
    const names = [
      ...Object.keys(acts),
      ..."open,open,open,open a view,answer,answer,answer,fail,retry,retry".split(",")
    ];
    for (let step = -1; step < LENGTH; step++) {
      const name = names[pick(names.length)]!;
      focus = undefined;
      if (step >= 0) {
        played.push(name);
        acts[name]!();
        await world.settle();
      }
      const story = `SEED=${SEED}, sequence ${round}: ${JSON.stringify(model.attributes)}: ${played.join(", ")}`;
      const box = root.querySelector("[data-theme]")!;
      assert.ok(box, `nothing is there: ${story}`);
      const { category = "" } = model.attributes;
      if (category === "nothing") model.attributes.category = "";
      assert.deepEqual(
        {
          text: read(box),
          told: world.told,
          toldAgain: world.toldAgain,
          requests: world.requests.map(request => request.name).sort(),
          pictures: world.pictures,
          logged: new Set(world.logged.filter(line => line !== "Error: broken")),
          isOpen: widget!.isOpen,
          dialog: dialog() && dialog()!.open,
          at: world.history.at,
          lang: box.getAttribute("lang"),
          dir: box.getAttribute("dir"),
          theme: box.getAttribute("data-theme"),
          accent: box.style["--igw-accent"] || "",
          isBlock: root.adoptedStyleSheets.some(sheet => (sheet as Sheet).css.includes("display:block")),
          scrolls: document.shown.filter(one => one === host).length,
          leaked: world.leaked,
          watched: Watch.all.size,
          views: model.standing.map(view => [
            view,
            world.active[view],
            root.adoptedStyleSheets.filter(sheet => (sheet as Sheet).css === view).length
          ]),
          hasAutofocus: !!root.querySelector("[autofocus]"),
          named: root.querySelector("[aria-labelledby]")!.localName
        },
        {
          text: model.text(),
          told: model.told,
          toldAgain: model.told,
          requests: model.requests.sort(),
          pictures: model.pictures,
          logged: model.logged,
          isOpen: model.isOpen,
          dialog: model.inline ? null : model.isOpen,
          at: +(model.isOpen && !model.inline),
          lang: model.lang,
          dir: "direction " + model.lang,
          theme: model.theme,
          accent: (!model.page.accent && model.config && model.config.key) || "",
          isBlock: model.inline,
          scrolls: model.scrolls,
          leaked: 0,
          watched: +!model.inline,
          views: model.standing.map(view => [view, view === model.shown && (model.isOpen || model.inline), 1]),
          hasAutofocus: !model.inline,
          named: model.inline ? "section" : "dialog"
        },
        story
      );
      if (focus && (isModal() || (model.inline && !name.startsWith("open"))))
        assert.equal(document.focused!.getAttribute("id"), focus, `the focus: ${story}`);
      model.attributes.category = category;
    }
    widget!.destroy();
    widget!.update();
    await world.settle();
    const story = `SEED=${SEED}, sequence ${round}: ${played.join(", ")}, destroy`;
    assert.deepEqual(
      {
        nodes: root.childNodes.length,
        listeners: document.window.listeners.map(({ type }) => type),
        schemes: world.scheme.listeners.length,
        watching: [Watch.all.size, Observer.count],
        requests: world.requests.map(({ name }) => name).filter(name => name.startsWith("config")),
        at: world.history.at,
        isEnded: control.signal.aborted
      },
      { nodes: 0, listeners: [], schemes: 0, watching: [0, 0], requests: [], at: 0, isEnded: true },
      story
    );
  }
  leavePage();
});

test("where its texts do not come, the page's console says so, and nothing of it stays", async () => {
  world = new World();
  const { document, host } = world;
  host.setAttribute("site-key", "wk");
  const { mount } = (await import("../shell/widget.tsx" + "?lost")) as typeof import("../shell/widget.tsx");
  const mounting = mount({
    host,
    service: SERVICE,
    language: () => "ru",
    first: [],
    list: false,
    preload: world.preload
  } as never);
  const ends = assert.rejects(mounting);
  while (world.requests[0]) {
    world.requests[0].fail();
    await calm();
  }
  await ends;
  assert.ok(document.window.listeners.length, "word of what the policy has blocked is still on its way");
  await world.settle();
  assert.deepEqual([document.listeners, document.window.listeners, host.shadowRoot!.childNodes], [[], [], []]);
  assert.match(world.logged.join(), /^igrajdanin-widget site-key="wk" data-api="https:\/\/w.test": Error: network$/);
  leavePage();
});
