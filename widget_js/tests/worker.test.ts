/**
 * The service worker of a town beside a model of what it promises, in generated sequences of visits, answers, lost
 * networks, new builds and shared photos: what a page is given, and what is stored, address by address.
 */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { transform } from "esbuild";
import { generator, SEED } from "./seed.ts";

const SEQUENCES = 80;
const LENGTH = 25;

const ORIGIN = "https://w.test";
const TOWN = "/s/wk";
const FORM = TOWN + "/form";
const SHARE = TOWN + "/share";
const CONFIG = "/api/v1/sites/wk";
const FILES = ["/w/1/loader.js", "/w/1/application.js"];
const source = await readFile(new URL("../pages/worker.ts", import.meta.url), "utf8");
const { code } = await transform(source, { loader: "ts", define: { FILES: JSON.stringify(FILES) } });

type Handler = (event: object) => void;
interface Asked {
  url: string;
  method?: string;
  mode?: string;
  destination?: string;
  formData?: () => Promise<FormData>;
  cache?: string;
}
const pathOf = (url: string) => url.replace(ORIGIN, "");

/** What is served, and how it is reached. */
class Service {
  network: "on" | "off" | 502 | 503 | 504 = "on";
  /** Of the town's page, of its form. */
  status = 200;
  formStatus = 200;
  hasManifest = true;
  hasStyle = true;
  isProblemGone = false;
  time = 1e12;
  /** What is published; which build is served. */
  edition = 1;
  build = 1;
  /** The build that the browser has in its own cache. */
  known = 1;

  body(path: string): string {
    const { edition, build } = this;
    const [page, query = ""] = path.split("?");
    const lang = query === "lang=en" ? "en" : "ru";
    const manifest = this.hasManifest ? '<link rel="manifest">' : "";
    const style = `<link href="/static/town-${build}.css"><script src="/static/town-${build}.js"></script>`;
    if (page === TOWN) return `<html lang="${lang}">${manifest}${style}list ${query} ${edition}</html>`;
    return FILES.includes(path) || path.startsWith("/static/") ? `${path} ${build}` : `<html>${path} ${edition}</html>`;
  }
  statusOf(path: string): number {
    const [page] = path.split("?");
    if (page === TOWN || (page === CONFIG && this.status > 400 && this.status < 500)) return this.status;
    if (page === TOWN + "/problems/1" && this.isProblemGone) return 410;
    return page === FORM ? this.formStatus : page === "/static/town-1.css" && !this.hasStyle ? 404 : 200;
  }
}

interface Given {
  status: number;
  text: string;
  encoding: string | null;
  location: string | null;
}
/** What a visit or a request was given, or that it failed. */
const failed: Given = { status: 0, text: "", encoding: null, location: null };

/** The browser's part: caches, events, one worker that is started anew now and then. */
class Browser {
  readonly caches = new Map<string, Map<string, { text: string; headers: Headers; status: number }>>();
  readonly asked: string[] = [];
  isRegistered = true;
  claims = 0;
  skips = 0;
  private handlers: Record<string, Handler> = {};

  constructor(readonly service: Service) {
    this.start();
  }

  start(): void {
    const { service } = this;
    const answer = (text: string, headers: Headers | HeadersInit, status: number) =>
      Object.assign(new Response(text, { headers, status: status || 200 }), status ? {} : { type: "error" });
    const urlOf = (address: string | Asked) =>
      new URL(typeof address === "string" ? address : address.url, ORIGIN).href;
    const fetch = async (address: string | Asked) => {
      const path = pathOf(urlOf(address));
      this.asked.push(path);
      if (service.network === "off") throw new TypeError("network");
      if (service.network !== "on") return answer("away", {}, service.network);
      const headers = {
        ...{ "Content-Encoding": "br", "Content-Length": "9", "Content-Type": "text/html", Vary: "Accept-Encoding" },
        "Content-Language": path.includes("lang=en") ? "en" : "ru"
      };
      if ((address as Asked).cache === "no-cache") service.known = service.build;
      const text = FILES.includes(path) ? `${path} ${service.known}` : service.body(path);
      return answer(text, headers, service.statusOf(path));
    };
    const cache = (name: string) => {
      const all = () => this.caches.get(name)!;
      const put = async (address: string | Asked, given: Response) =>
        void all().set(urlOf(address), { text: await given.text(), headers: given.headers, status: given.status });
      return {
        put,
        keys: async () => [...all().keys()].map(url => ({ url })),
        delete: async (address: string | Asked) => all().delete(urlOf(address)),
        match: async (address: string | Asked, { ignoreVary = false } = {}) => {
          const found = all().get(urlOf(address));
          return found && (ignoreVary || !found.headers.has("Vary")) && answer(found.text, found.headers, found.status);
        },
        addAll: async (addresses: Asked[]) => {
          const given = await Promise.all(addresses.map(fetch));
          if (given.some(({ ok }) => !ok)) throw new TypeError("not ok");
          await Promise.all(given.map((one, index) => put(addresses[index]!, one)));
        }
      };
    };
    const caches = {
      open: async (name: string) => {
        if (!this.caches.has(name)) this.caches.set(name, new Map());
        return cache(name);
      },
      has: async (name: string) => this.caches.has(name),
      delete: async (name: string) => this.caches.delete(name)
    };
    class FakeResponse extends Response {
      static override redirect(url: string | URL, status = 302): Response {
        return new Response(null, { status, headers: { Location: String(url) } });
      }
      static override error(): Response {
        return answer("", {}, 0);
      }
    }
    const FakeRequest = class {
      readonly url: string;
      readonly cache: string | undefined;
      constructor(address: string, { cache }: { cache?: string } = {}) {
        this.url = urlOf(address);
        this.cache = cache;
      }
    };
    this.handlers = {};
    const self = {
      registration: { scope: ORIGIN + TOWN, unregister: async () => (this.isRegistered = false) },
      clients: { claim: async () => void this.claims++ },
      skipWaiting: async () => void this.skips++,
      addEventListener: (name: string, handler: Handler) => (this.handlers[name] = handler)
    };
    const globals = {
      ...{ self, caches, fetch, Response: FakeResponse, Request: FakeRequest, Date: { now: () => service.time } },
      location: { origin: ORIGIN, href: ORIGIN + "/w/1/worker.js" }
    };
    new Function(...Object.keys(globals), code)(...Object.values(globals));
  }
  /** Resolves with what the worker answered, once all that it does is done; undefined where it lets the event pass. */
  async dispatch(name: string, request?: Asked): Promise<Given | undefined> {
    const works: Promise<unknown>[] = [];
    let given: Promise<Response> | undefined;
    const respondWith = (one: Promise<Response>) => void (given = one);
    this.handlers[name]!({ request, respondWith, waitUntil: (work: Promise<unknown>) => works.push(work) });
    const told = given && (await given.then(tell, () => failed));
    await Promise.allSettled(works);
    return told;
  }
  stored(): Record<string, Record<string, string>> {
    return Object.fromEntries(
      [...this.caches].map(([name, all]) => [
        name,
        Object.fromEntries(
          [...all].map(([url, { text }]) => [pathOf(url), text]).sort(([one], [other]) => (one! < other! ? -1 : 1))
        )
      ])
    );
  }
}
async function tell(response: Response): Promise<Given> {
  const { status, headers } = response;
  if (response.type === "error") return failed;
  const encoding = headers.get("Content-Encoding") || headers.get("Content-Length");
  return { status, text: await response.text(), encoding, location: headers.get("Location") };
}

/** What is promised. */
class Model {
  /** By path; nothing where the town has left. */
  kept: Map<string, string> | undefined = new Map();
  shared: string[] | undefined;
  sharedUntil = 0;
  freshUntil = 0;
  /** Questions to the network. */
  asked = 0;

  constructor(readonly service: Service) {}

  private get isAway(): boolean {
    return this.service.network !== "on";
  }
  private plain(path: string): Given {
    const { network } = this.service;
    if (network === "off") return failed;
    if (network !== "on") return { ...failed, status: network, text: "away" };
    return { ...failed, status: this.service.statusOf(path), text: this.service.body(path), encoding: "br" };
  }
  /** What the page says now is all that is known of the town. */
  private keep(path: string): void {
    const { service, kept } = this;
    const { status, text } = this.plain(path);
    if (!kept || this.isAway) return;
    if ([404, 410].includes(status) || (status === 200 && !service.hasManifest)) {
      this.kept = this.shared = undefined;
      return;
    }
    if (status !== 200) return;
    this.freshUntil = service.time + 300_000;
    this.asked += 4;
    const lang = path.endsWith("en") ? "en" : "ru";
    const build = service.build;
    const all = [FORM, `${CONFIG}?lang=${lang}`, `/static/town-${build}.css`, `/static/town-${build}.js`];
    for (const old of kept.keys()) if (![...all, ...FILES].includes(old)) kept.delete(old);
    kept.set(TOWN, text);
    for (const one of all) if (service.statusOf(one) === 200) kept.set(one, service.body(one));
  }
  install(): void {
    if (!this.isAway) for (const file of FILES) this.kept!.set(file, this.service.body(file));
  }
  activate(): void {
    if (!this.isAway) this.keep(TOWN);
  }
  visit(path: string): Given {
    const [page] = path.split("?");
    this.asked++;
    if (this.service.time > this.sharedUntil) this.shared = undefined;
    if (!this.isAway) {
      const given = this.plain(path);
      if (page === TOWN && (page === path || /\?lang=..$/.test(path))) this.keep(path);
      else if ([404, 410].includes(given.status) || this.service.time > this.freshUntil) {
        this.asked++;
        this.keep(TOWN);
      }
      return given;
    }
    this.freshUntil = 0;
    const kept = this.kept!;
    if (page === TOWN + "/report" && kept.has(FORM)) return { ...failed, status: 302, location: FORM };
    const text = kept.get(page === FORM ? FORM : TOWN);
    const mark = page === FORM ? "form" : page === TOWN ? "list" : "page";
    if (text === undefined) return this.plain(path);
    return { ...failed, status: 200, text: text.replace("<html", `<html data-offline="${mark}"`) };
  }
  load(path: string): Given {
    this.asked++;
    const kept = this.kept!.get(path);
    return this.isAway && kept !== undefined
      ? { ...failed, status: 200, text: kept, encoding: "br" }
      : this.plain(path);
  }
}

test(`the service worker answers and stores what it promises (SEED=${SEED})`, async () => {
  for (let round = 0; round < SEQUENCES; round++) {
    const pick = generator(SEED + round);
    const service = new Service();
    const browser = new Browser(service);
    const model = new Model(service);
    const visit = (path: string, more: object = {}) =>
      browser.dispatch("fetch", {
        ...{ url: ORIGIN + path, method: "GET", mode: "navigate", destination: "document" },
        ...more
      });
    const load = (url: string, method = "GET") => browser.dispatch("fetch", { url, method, mode: "cors" });
    const register = async () => {
      await browser.dispatch("install");
      model.install();
      await browser.dispatch("activate");
      model.activate();
      assert.equal(browser.claims, browser.skips, "each page is served by the new worker");
    };
    const acts: Record<string, () => unknown> = {
      visit: async () => {
        const paths = [TOWN, TOWN + "?lang=en", TOWN + "?status=open", FORM, TOWN + "/report", TOWN + "/problems/1"];
        const path = paths[pick(paths.length)]!;
        const expected = model.visit(path);
        assert.deepEqual(await visit(path), expected, path);
      },
      "two visits": async () => {
        const paths = [TOWN + "/problems/1", FORM].map(path => [path, model.visit(path)] as const);
        const given = await Promise.all(paths.map(([path]) => visit(path)));
        paths.forEach(([, expected], index) => assert.deepEqual(given[index], expected));
      },
      load: async () => {
        const { build } = service;
        const paths = [
          ...FILES,
          `/static/town-${build}.css`,
          `/static/town-1.js`,
          "/w/1.1.0/ru.json",
          CONFIG + "?lang=ru"
        ];
        const path = paths[pick(paths.length)]!;
        assert.deepEqual(await load(ORIGIN + path), model.load(path), path);
      },
      "pass by": async () => {
        const passing = [`${CONFIG}/problems`, "/media/1.jpg", "/tiles/1/1/1"].map(path => ORIGIN + path);
        for (const url of [...passing, "https://other.test/static/town-1.css"])
          assert.equal(await load(url), undefined);
        assert.equal(await load(ORIGIN + CONFIG, "POST"), undefined);
        assert.equal(await visit(TOWN, { destination: "iframe" }), undefined);
        assert.equal(await visit(TOWN + "/report", { method: "POST" }), undefined);
      },
      share: async () => {
        const parts = Array.from({ length: 1 + pick(3) }, (_, index) => `photo ${index}`);
        const isBroken = !pick(4);
        const formData = async () => {
          if (isBroken) throw new TypeError("form");
          const form = new FormData();
          for (const part of parts) form.append("photos", new Blob([part], { type: "image/jpeg" }));
          form.append("text", "words");
          return form;
        };
        const given = await visit(SHARE, { method: "POST", formData });
        assert.deepEqual(given, { ...failed, status: 303, location: FORM + "?shared" });
        model.shared = isBroken ? undefined : [...parts, "words"];
        model.sharedUntil = service.time + 86_400_000;
      },
      "the form takes what was shared": () => {
        browser.caches.delete(SHARE);
        model.shared = undefined;
      },
      "something is published or erased": () => service.edition++,
      network: () => {
        service.network = (["on", "on", "off", 502, 503, 504] as const)[pick(6)]!;
      },
      "another state": () => {
        service.status = [200, 200, 500][pick(3)]!;
        service.formStatus = [200, 500][pick(2)]!;
        service.hasStyle = !!pick(2);
        service.isProblemGone = !!pick(2);
      },
      "time passes": () => (service.time += [60_000, 300_001, 86_400_001][pick(3)]!),
      "the worker is started anew": () => {
        browser.start();
        model.freshUntil = 0;
      },
      "a new build": async () => {
        if (service.network !== "on") return;
        service.known = service.build++;
        browser.start();
        model.freshUntil = 0;
        await register();
      },
      "the town goes": async () => {
        if (pick(6)) return;
        if (pick(2)) service.hasManifest = false;
        else service.status = [404, 410][pick(2)]!;
      }
    };
    const played: string[] = [];
    try {
      await register();
      for (let step = 0; step < LENGTH && model.kept; step++) {
        // Most of all, pages are visited while the network comes and goes.
        const names = [...Object.keys(acts), "visit", "visit", "visit", "network", "network", "load"];
        const name = names[pick(names.length)]!;
        played.push(name);
        browser.asked.length = model.asked = 0;
        await acts[name]!();
        assert.equal(browser.isRegistered, !!model.kept);
        if (/^(visit|load|pass by)$/.test(name))
          assert.equal(browser.asked.length, model.asked, "the town's page is asked for once, and no more");
        const shared = model.shared && {
          [SHARE]: Object.fromEntries(model.shared.map((part, index) => [`${SHARE}/${index}`, part]))
        };
        const kept = model.kept && {
          [TOWN]: Object.fromEntries([...model.kept].sort(([one], [other]) => (one < other ? -1 : 1)))
        };
        assert.deepEqual(browser.stored(), { ...kept, ...shared });
      }
    } catch (error) {
      (error as Error).message += `\nSEED=${SEED + round}: ${played.join(", ")}`;
      throw error;
    }
  }
});
