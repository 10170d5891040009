/** A browser made of plain objects: tabs, documents, widgets, a clock, a device, a network and a service. */

import { ApiError, type ErrorBody } from "../shared/api.ts";
import type { Configuration, Receipt, Report } from "../shared/contract.ts";
import { language, type Texts } from "../shared/i18n.ts";
import type { Site } from "../shared/site.ts";
import { held } from "../report/drafts.ts";
import { createPhotos, type Attachments } from "../report/photos/attachments.ts";
import { reportSession, type ReportSession } from "../report/session.ts";
import { createUnsent, type UnsentReports } from "../report/unsent/unsent.ts";
import type { Values } from "../report/values.ts";
import ru from "../locales/ru.json";
import { Clock } from "./clock.ts";
import { FakeDocument, FakeElement, Happening } from "./fakeDocument.ts";
import { FakeStorage } from "./fakeStorage.ts";

const globals = globalThis as unknown as Record<string, unknown>;
const russian = language("ru", { ...ru.widget, ...ru.later } as unknown as Texts, "Europe/Moscow");
export const config = {
  categories: [{ code: "roads", name: "Дороги", questions: [] }],
  consent: { version: "1", url: "/", required: "always", publish_name: { version: "n", url: "/" } },
  limits: { description: { min: 3, max: 4000 }, photos: 3 },
  contact: "optional"
} as unknown as Configuration;

const take = <T>(list: T[], one: T): unknown => list.includes(one) && list.splice(list.indexOf(one), 1);

/** Timers are of the document that set them. */
class TabsClock extends Clock {
  readonly pages = new Map<number, Page>();
  override readonly set = (work: (...rest: unknown[]) => void, wait = 0, ...rest: unknown[]): number => {
    const of = Page.current!;
    const id = this.add(() => (of.enter(), work(...rest)), wait);
    this.pages.set(id, of);
    return id;
  };
}

export interface Post {
  key: string;
  body: Report;
  arrive(): void;
  /** It arrives, and the answer does not. */
  lose(): void;
  refuse(status: number, body?: ErrorBody): void;
}

/** In whichever order a report has its members, it is the same. */
export const sorted = (value: unknown): unknown =>
  value && typeof value === "object" && !Array.isArray(value)
    ? Object.fromEntries(
        Object.entries(value)
          .sort(([one], [other]) => (one < other ? -1 : 1))
          .map(([name, member]) => [name, sorted(member)])
      )
    : Array.isArray(value)
      ? value.map(sorted)
      : value;

/** Keeps one report a key; what is sent waits for its answer. */
class Service {
  readonly stored = new Map<string, string>();
  readonly posts: Post[] = [];

  submit(of: Widget, body: Report, key: string): Promise<Receipt> {
    // As shared/api.ts: nothing is sent by a widget that is gone, and nothing comes back to it.
    const { destroyed } = of.site.session;
    if (destroyed.aborted) return Promise.reject(new ApiError(0));
    return new Promise((resolve, fail) => {
      const { ticket: _, ...rest } = body;
      const text = JSON.stringify(sorted(rest));
      const isKept = () => {
        if (!this.stored.has(key)) this.stored.set(key, text);
        return this.stored.get(key) === text;
      };
      const answer = (work: () => void) => {
        take(this.posts, post);
        if (of.page.isGone) return;
        of.page.enter();
        work();
      };
      const refuse = (status: number, body: ErrorBody = {}) => answer(() => fail(new ApiError(status, body)));
      const post: Post = {
        key,
        body,
        arrive: () =>
          isKept()
            ? answer(() => resolve({ number: [...this.stored.keys()].indexOf(key) } as Receipt))
            : refuse(422, { code: "idempotency_key_reused", errors: [] }),
        lose: () => (isKept(), refuse(0)),
        refuse
      };
      destroyed.addEventListener("abort", () => fail(new ApiError(0)));
      this.posts.push(post);
    });
  }
}

/** A photo on its way. */
export class Upload {
  upload: { onprogress?: (event: { loaded: number; total: number }) => void } = {};
  onloadend: () => void = () => undefined;
  status = 0;
  responseText = "";
  form!: FormData;
  readonly page = Page.current!;
  open(): void {}
  send(form: FormData): void {
    this.form = form;
    world.uploads.push(this);
  }
  abort(): void {
    if (world.uploads.includes(this)) this.answer(0);
  }
  progress(): void {
    this.page.enter();
    this.upload.onprogress!({ loaded: 1, total: 2 });
  }
  answer(status: number, body?: object): void {
    take(world.uploads, this);
    this.status = status;
    this.responseText = body ? JSON.stringify(body) : "";
    this.page.enter();
    this.onloadend();
  }
}

/** Databases with one store each, as report/photos/store.ts uses them. */
class Databases {
  readonly all = new Map<string, Map<string, unknown>>();
  isForbidden = false;

  open(name: string): object {
    const request = { result: undefined as unknown, onupgradeneeded() {}, onsuccess() {}, onerror() {} };
    void Promise.resolve().then(() => {
      if (this.isForbidden) return request.onerror();
      const isNew = !this.all.has(name);
      const items = this.all.get(name) || new Map<string, unknown>();
      this.all.set(name, items);
      request.result = {
        createObjectStore: () => undefined,
        close: () => undefined,
        transaction: () => {
          const transaction = { oncomplete() {}, objectStore: () => store };
          const done = (result: unknown) => (void Promise.resolve().then(() => transaction.oncomplete()), { result });
          const store = {
            put: (value: unknown, id: string) => done(items.set(id, value)),
            get: (id: string) => done(items.get(id)),
            delete: (id: string) => done(items.delete(id))
          };
          return transaction;
        }
      };
      if (isNew) request.onupgradeneeded();
      request.onsuccess();
    });
    return request;
  }
  deleteDatabase(name: string): void {
    this.all.delete(name);
  }
}

class World {
  readonly clock = new TabsClock();
  readonly service = new Service();
  readonly local = new FakeStorage();
  readonly databases = new Databases();
  readonly pages: Page[] = [];
  /** Photos on their way, pictures that are being decoded, questions to the device: what is still to be answered. */
  readonly uploads: Upload[] = [];
  readonly pictures: { page: Page; end: () => void }[] = [];
  readonly positions: { page: Page; tell: (answer: object | null) => void }[] = [];
}
export let world: World;

const own = { setTimeout, clearTimeout, now: Date.now, navigator: globalThis.navigator };
const define = (name: string, value: unknown) =>
  Object.defineProperty(globalThis, name, { configurable: true, writable: true, value });

/** Begins anew, in the place of Node's globals. */
export function beginWorld(): World {
  const { clock, local, databases, positions, pictures } = (world = new World());
  globals.localStorage = local;
  globals.indexedDB = databases;
  globals.VERSION = "";
  globals.CustomEvent = Happening;
  globals.setTimeout = clock.set;
  globals.clearTimeout = clock.clear;
  globals.matchMedia = () => ({ matches: false });
  globals.XMLHttpRequest = Upload;
  // Of what is read in a photo nothing is there.
  globals.Response = class {
    arrayBuffer = () => Promise.resolve(new ArrayBuffer(0));
  };
  URL.createObjectURL = () => "blob:";
  URL.revokeObjectURL = () => undefined;
  globals.Image = class {
    onerror?: () => void;
    set src(address: string) {
      const page = Page.current!;
      const picture = {
        page,
        end: () => {
          take(pictures, picture);
          page.enter();
          this.onerror!();
        }
      };
      if (address.startsWith("blob:")) pictures.push(picture);
    }
  };
  Date.now = () => clock.time;
  define("navigator", {
    geolocation: {
      getCurrentPosition: (found: (answer: object) => void, failed: (error: object) => void) => {
        const page = Page.current!;
        const tell = (answer: object | null) => {
          positions.splice(
            positions.findIndex(one => one.tell === tell),
            1
          );
          page.enter();
          if (answer) found(answer);
          else failed({ code: 1 });
        };
        positions.push({ page, tell });
      }
    }
  });
  return world;
}
export function endWorld(): void {
  Object.assign(globalThis, { setTimeout: own.setTimeout, clearTimeout: own.clearTimeout });
  Date.now = own.now;
  define("navigator", own.navigator);
}

/** A document of a tab. */
export class Page {
  static current: Page | undefined;
  /** What the module knows in this document. */
  private held: string[] = [];
  readonly document = new FakeDocument();
  readonly window = this.document.window;
  widgets: Widget[] = [];
  isGone = false;

  constructor(
    readonly tab = new FakeStorage(),
    public path = "/",
    readonly dataset: Record<string, string> = {}
  ) {
    world.pages.push(this);
  }

  /** The one that runs. */
  enter(): this {
    FakeDocument.current = this.document;
    if (Page.current === this) return this;
    if (Page.current) Page.current.held = [...held];
    held.clear();
    this.held.forEach(name => held.add(name));
    Page.current = this;
    globals.sessionStorage = this.tab;
    globals.location = {
      origin: "https://gorod.test",
      get pathname() {
        return Page.current!.path;
      }
    };
    globals.document = this.document;
    globals.addEventListener = this.window.addEventListener.bind(this.window);
    globals.removeEventListener = this.window.removeEventListener.bind(this.window);
    return this;
  }
  hide(): void {
    this.enter().document.act("visibilitychange");
  }
  /** The document is gone, and what it was doing with it. */
  crash(): void {
    this.isGone = true;
    for (const [id, of] of world.clock.pages) if (of === this) world.clock.clear(id);
    for (const list of [world.pages, world.uploads, world.pictures, world.positions] as { page?: Page }[][])
      list.splice(0, Infinity, ...list.filter(one => one !== this && one.page !== this));
  }
}

/** One element of a page, from its insertion until it is taken out. */
export class Widget {
  /** What the page was told. */
  readonly events: string[] = [];
  readonly site: Site;
  readonly report: ReportSession;
  ticket = 0;
  private closing = new AbortController();
  private readonly ending = new AbortController();

  /** `isWhole`: the chunks of photos and of unsent reports are here at once. */
  constructor(
    readonly page: Page,
    isWhole = true
  ) {
    page.enter().widgets.push(this);
    const parts = new Map<string, unknown>();
    const host = new FakeElement("igrajdanin-widget");
    // The page may change them later.
    Object.defineProperty(host, "dataset", { value: page.dataset });
    page.document.body.append(host);
    for (const name of ["submitted", "error"])
      host.addEventListener("igrajdanin:" + name, () => this.events.push(name));
    this.site = {
      host,
      options: { key: "key", lang: "ru", category: "", hidden: [] },
      language: russian,
      config,
      api: { site: "/sites/key", submit: (body: Report, key: string) => world.service.submit(this, body, key) },
      tickets: {
        take: () => Promise.resolve("ticket" + this.ticket),
        drop: () => void this.ticket++,
        prepare: () => Promise.resolve(null)
      },
      session: {
        closed: () => this.closing.signal,
        destroyed: this.ending.signal,
        part: <T>(name: string, make: () => T): T => {
          if (!parts.has(name)) parts.set(name, make());
          return parts.get(name) as T;
        }
      }
    } as unknown as Site;
    this.report = reportSession(this.site);
    if (isWhole) {
      this.report.attachPhotos(createPhotos);
      this.report.attachUnsent(createUnsent);
    }
    this.report.open();
  }

  close(): void {
    this.page.enter();
    this.closing.abort();
  }
  open(): void {
    this.page.enter();
    if (this.closing.signal.aborted) this.closing = new AbortController();
    this.report.open();
  }
  destroy(): void {
    this.close();
    this.ending.abort();
    this.page.widgets.splice(this.page.widgets.indexOf(this), 1);
  }
  get unsent(): UnsentReports {
    return this.report.unsent as UnsentReports;
  }
  get queue(): Attachments["queue"] {
    return (this.report.photos as Attachments).queue;
  }
  get values(): Values {
    return this.report.draft.values;
  }
}
