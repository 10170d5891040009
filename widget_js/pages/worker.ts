/**
 * The service worker of a town's application: one file for all towns, whose scope, /s/{key}, says which one it serves.
 *
 * Everything is asked of the network first. What the service said last of the town's page stands in for it while there
 * is none, and is replaced as a whole as soon as it answers again, so that nothing that was erased lives on here.
 * Beside that page only public things are kept: the form, its configuration, the widget's files. Other pages, photos
 * and what is sent pass by untouched.
 */

/** Written in by the build: addresses of the widget's files that the form needs without a network. */
declare const FILES: string[];

interface WorkerEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface FetchEvent extends WorkerEvent {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}
interface Worker {
  readonly registration: ServiceWorkerRegistration;
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: "install" | "activate", listener: (event: WorkerEvent) => void): void;
  addEventListener(type: "fetch", listener: (event: FetchEvent) => void): void;
}

const worker = self as unknown as Worker;
/** Paths: of the town's page, which names the cache too, of its form, of what the form asks for. */
const town = new URL(worker.registration.scope).pathname;
const form = town + "/form";
const share = town + "/share";
const configuration = "/api/v1/sites/" + town.slice("/s/".length);
/** Photos that another application has shared, until the form takes them (shared.ts), or a day has passed. */
const shared = share;
const SHARED_AT = "Shared-At";
const DAY = 86_400_000;

/** A proxy says so while the service is away. */
const AWAY = [502, 503, 504];
const GONE = [404, 410];

/** How long other contacts with the service need not replace the page, in milliseconds. */
const FRESH = 300_000;
/** When the page was stored by this worker; never, where the service was away since. */
let storedAt = 0;

const find = async (address: string | Request): Promise<Response | undefined> =>
  (await caches.open(town)).match(address, { ignoreVary: true });

/** The town, or its application, is no more: the worker leaves with all that it kept. */
async function retire(): Promise<void> {
  await Promise.all([town, shared].map(name => caches.delete(name)));
  await worker.registration.unregister();
}

/** Puts what the town's page says now in the place of all that was kept. */
async function keep(page: Response): Promise<void> {
  const text = await page.clone().text();
  if (GONE.includes(page.status) || (page.ok && !text.includes('rel="manifest"'))) return retire();
  if (!page.ok) return;
  storedAt = Date.now();
  const cache = await caches.open(town);
  await cache.put(town, page);
  const ask = `${configuration}?lang=${page.headers.get("Content-Language")}`;
  const styles = [...text.matchAll(/(?:href|src)="(\/static\/[^"]+)"/g)].map(([, address]) => address!);
  const wanted = [town, form, ask, ...styles, ...FILES];
  const kept = await cache.keys();
  for (const request of kept)
    if (!wanted.some(address => new URL(address, location.href).href === request.url)) await cache.delete(request);
  await Promise.all(
    [form, ask, ...styles].map(async address => {
      const answer = await fetch(address);
      if (answer.ok) await cache.put(address, answer);
    })
  );
}

const renew = async (): Promise<void> => keep(await fetch(town));

/** The page that stands in for this one, marked as such: its style shows since when it is known. */
async function standIn(path: string): Promise<Response | undefined> {
  if (path === town + "/report" && (await find(form))) return Response.redirect(form);
  const page = await find(path === form ? form : town);
  if (!page) return;
  const mark = path === form ? "form" : path === town ? "list" : "page";
  const text = (await page.text()).replace("<html", `<html data-offline="${mark}"`);
  const headers = new Headers(page.headers);
  for (const name of ["Content-Encoding", "Content-Length"]) headers.delete(name);
  return new Response(text, { headers });
}

/** Any page of the web can send photos here, and nobody need ever open the form. */
async function expire(): Promise<void> {
  if (!(await caches.has(shared))) return;
  const first = await (await caches.open(shared)).match(share + "/0");
  if (first && Date.now() > Number(first.headers.get(SHARED_AT)) + DAY) await caches.delete(shared);
}

async function visit(event: FetchEvent): Promise<Response> {
  event.waitUntil(expire());
  const { pathname, search } = new URL(event.request.url);
  const answer = await fetch(event.request).catch(() => undefined);
  if (!answer || AWAY.includes(answer.status)) {
    storedAt = 0;
    return (await standIn(pathname)) || answer || Response.error();
  }
  if (pathname === town && /^(\?lang=\w+)?$/.test(search)) event.waitUntil(keep(answer.clone()));
  // What is gone may stand in the list.
  else if (GONE.includes(answer.status) || Date.now() > storedAt + FRESH) event.waitUntil(renew());
  return answer;
}

/** A form that stands in for the service's is as good as its files, which a proxy refuses as well. */
async function load(request: Request): Promise<Response> {
  const answer = await fetch(request).catch(() => undefined);
  if (answer && !AWAY.includes(answer.status)) return answer;
  return (await find(request)) || answer || Response.error();
}

/** Keeps shared photos for the form, which it opens. Where they cannot be kept the form says so. */
async function take(request: Request): Promise<Response> {
  try {
    await caches.delete(shared);
    const [data, cache] = await Promise.all([request.formData(), caches.open(shared)]);
    const parts = [...data.getAll("photos"), ...data.getAll("text")];
    const headers = { [SHARED_AT]: String(Date.now()) };
    await Promise.all(parts.map((part, index) => cache.put(`${share}/${index}`, new Response(part, { headers }))));
  } catch {
    await caches.delete(shared);
  }
  return Response.redirect(form + "?shared", 303);
}

worker.addEventListener("install", event => {
  // `no-cache`: the loader of this build, not the one that the browser knows.
  const files = FILES.map(address => new Request(address, { cache: "no-cache" }));
  // At once: all answers of the network are as good for pages of an earlier build.
  event.waitUntil(
    caches
      .open(town)
      .then(cache => cache.addAll(files))
      .then(() => worker.skipWaiting())
  );
});

worker.addEventListener("activate", event => event.waitUntil(worker.clients.claim().then(renew)));

worker.addEventListener("fetch", event => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (origin !== location.origin) return;
  if (request.method === "POST" && pathname === share) event.respondWith(take(request));
  if (request.method !== "GET") return;
  if (request.mode === "navigate") {
    if (request.destination === "document") event.respondWith(visit(event));
  } else if (/^\/(static|w)\//.test(pathname) || pathname === configuration) event.respondWith(load(request));
});
