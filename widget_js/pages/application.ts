/**
 * For the town's page and the form of its application (templates/city/application.html): registers the service worker,
 * comes back from an offline copy, and sees to it that unsent reports are not forgotten.
 */

import { Drafts } from "../report/drafts.ts";
import { ignoreErrors } from "../shared/storage.ts";
import { dropShared, takeShared, wasShared } from "./shared.ts";

const { dataset } = document.currentScript as HTMLScriptElement;
const key = dataset.key!;
const town = "/s/" + key;
const form = town + "/form";
const DAY = 86_400_000;
/** Milliseconds between two questions to a service that does not answer; each doubles the last. */
const FIRST_PAUSE = 1000,
  LONGEST_PAUSE = 60_000;
const page = document.documentElement;
const element = (id: string) => document.getElementById(id);

function loadWidget(): void {
  const script = document.createElement("script");
  script.src = "/w/1/loader.js";
  document.head.append(script);
}

/** The form of the widget, above the page: it sends the report that waits, and tells its number. */
function sendWaiting(): void {
  const widget = document.createElement("igrajdanin-widget");
  for (const [name, value] of [
    ["site-key", key],
    ["view", "inline"],
    ["lang", page.lang],
    ["theme", dataset.theme || "auto"]
  ] as const)
    widget.setAttribute(name, value);
  document.querySelector("main")!.prepend(widget);
  loadWidget();
}

function remind(): void {
  const drafts = new Drafts(key);
  const unsent = drafts
    .others()
    .filter(([name, { at }]) => name.startsWith(drafts.base + ":") && Date.now() - at < DAY);
  // With contacts it goes by itself in its own tab alone (report/unsent/unsent.ts).
  if (unsent.some(([name, { waits, personal }]) => waits && (!personal || !!sessionStorage.getItem(name))))
    sendWaiting();
  else element("unsent")!.hidden = !unsent.some(([, record]) => record.page === form);
}

/** Any page of the web can send something here: what has come is taken when the person says so. */
function offerShared(isAny: boolean): void {
  const offer = element("shared")!;
  const end = async (choose: typeof takeShared) => {
    offer.hidden = true;
    element("not-shared")!.hidden = await choose(key, form);
    loadWidget();
  };
  if (!isAny) return void end(takeShared);
  offer.hidden = false;
  element("take-shared")!.onclick = () => void end(takeShared);
  element("drop-shared")!.onclick = () => void end(dropShared);
}

/** Shows the page itself once the service answers: the browser can only tell that there is a network. */
function comeBack(): void {
  let pause = FIRST_PAUSE;
  let timer: ReturnType<typeof setTimeout>;
  const ask = async () => {
    clearTimeout(timer);
    const answer = await fetch(location.href).catch(() => undefined); // no navigation: the worker lets it pass
    if (answer && answer.status < 500) location.reload();
    else timer = setTimeout(ask, (pause = Math.min(2 * pause, LONGEST_PAUSE)));
  };
  timer = setTimeout(ask, pause);
  addEventListener("online", ask);
}

if (location.pathname === form) {
  addEventListener("online", () => page.removeAttribute("data-offline"));
  if (/[?&]shared\b/.test(location.search)) void wasShared(key).then(offerShared);
  else loadWidget();
} else {
  // Where scripts run the widget's form asks less, warns, and needs no network.
  document.querySelectorAll<HTMLAnchorElement>(`a[href="${town}/report"]`).forEach(link => (link.href = form));
  if (page.dataset.offline) comeBack();
  else ignoreErrors(remind);
}

// After all else: the first visit needs nothing of it. On http hosts there are no workers.
addEventListener("load", () => {
  if (navigator.serviceWorker && !page.dataset.offline)
    navigator.serviceWorker.register("/w/1/worker.js", { scope: town }).catch(() => {});
});
