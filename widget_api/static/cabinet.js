// What the cabinet does beyond its pages: new reports appear by themselves, keys move through the list, and what is
// being typed is not lost. Everything works without it.

const POLL = 1200; // milliseconds; a report is to be seen within two seconds of its arrival
const byId = (id) => document.getElementById(id);

// --- the list stays current ---

let failures = 0;

async function look() {
  const rows = document.querySelector("#rows[data-poll]");
  if (!document.hidden && rows) {
    try {
      const answer = await fetch(rows.dataset.poll, { cache: "no-cache" }); // by ETag: a 304 if nothing happened
      if (answer.status === 401) return trouble("signedOut");
      if (!answer.ok) throw new Error(String(answer.status));
      if ((await answer.text()) !== rows.dataset.version && !(await refresh())) return trouble("signedOut");
      failures = 0;
      trouble("");
    } catch {
      failures += 1;
      if (failures > 2) trouble("offline");
    }
  }
  const every = Number(rows?.dataset.every) || POLL;
  setTimeout(look, every * Math.min(failures + 1, 10));
}

function trouble(what) {
  const box = byId("trouble");
  if (box.dataset.shown === what) return; // written again it would be read out again
  box.dataset.shown = what;
  box.hidden = !what;
  if (what) box.querySelector("span").textContent = box.dataset[what];
  box.querySelector("a").hidden = what !== "signedOut";
}

/** Fetches this page anew and takes over what changed. False where one is no longer signed in. A page that shows a refused
 *  form names its own address, since that of the form can only be posted to. */
async function refresh() {
  const shown = byId("rows");
  const answer = await fetch(shown.dataset.page ?? location.href, { cache: "no-store" });
  if (answer.redirected) return false;
  if (!answer.ok) throw new Error(String(answer.status));
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!shown.isConnected) return true; // a filter has brought another list meanwhile
  const changing = ["tabs", "tiles", "head", "facts", "notes", "history", "sent"];
  const tabs = byId("tabs");
  for (const id of changing) swap(byId(id), fresh.getElementById(id));
  if (tabs && !tabs.isConnected) showTab();
  swapDecision(byId("decide"), fresh.getElementById("decide"));
  if (!byId("field-question")?.value) swap(byId("ask"), fresh.getElementById("ask"));
  swapBulks(byId("bulks"), fresh.getElementById("bulks"));
  swapRows(byId("rows"), fresh.getElementById("rows"));
  const every = document.querySelector(".bulk [name=all]")?.checked;
  swap(byId("bulk-bar"), fresh.getElementById("bulk-bar"));
  if (every) document.querySelector(".bulk [name=all]").checked = true;
  showPicked();
  return true;
}

function swapBulks(old, fresh) {
  const state = (box) => [...box.querySelectorAll("[data-bulk]")].map((one) => one.dataset.bulk).join();
  if (!old || !fresh || state(old) === state(fresh)) return;
  const focused = old.contains(document.activeElement);
  old.replaceWith(fresh);
  if (focused) fresh.querySelector("button")?.focus({ preventScroll: true });
}

function swap(old, fresh) {
  if (!old || !fresh || old.outerHTML === fresh.outerHTML || old.contains(document.activeElement)) return;
  old.replaceWith(fresh);
}

/** A form somebody is filling in is left alone; it only says that the report changed meanwhile. */
function swapDecision(old, fresh) {
  if (!old || !fresh || old.outerHTML === fresh.outerHTML) return;
  const touched = [...old.querySelectorAll("input, textarea, select")].some(isChanged) || old.querySelector("[data-unsent]");
  const waited = old.querySelector("[data-seconds]"); // a decision that could be undone: nothing is filled in there
  if (waited || (!touched && !old.contains(document.activeElement))) {
    const focused = waited && old.contains(document.activeElement);
    old.replaceWith(fresh);
    if (focused) byId("number").focus({ preventScroll: true });
    return readyTemplates();
  }
  if (old.dataset.seen === fresh.dataset.seen || byId("changed")) return;
  const notice = document.createElement("p");
  notice.id = "changed";
  notice.className = "notice warning";
  notice.setAttribute("role", "alert");
  const link = document.createElement("a");
  link.href = location.href;
  link.textContent = fresh.dataset.reload;
  notice.append(fresh.dataset.changed, " ", link);
  old.querySelector("h2").after(notice);
}

/** Rows are taken over one by one, so that focus stays where it is and nothing moves under the eyes. */
function swapRows(old, fresh) {
  const bodies = [...old.querySelectorAll("tbody")];
  const freshBodies = [...fresh.querySelectorAll("tbody")];
  if (old.querySelector("svg")?.contains(document.activeElement) && fresh.querySelector(".list-map")) return; // a mark of the map has the focus
  if (old.matches(":active")) return; // a row that is being pressed would go from under the finger: the next look brings it
  old.dataset.version = fresh.dataset.version;
  const sections = (list) => list.map((body) => body.id).join();
  if (!bodies.length || sections(bodies) !== sections(freshBodies)) return replaceRows(old, fresh);
  const pane = old.closest(".beside");
  const scroller = pane && getComputedStyle(pane).overflowY === "auto" ? pane : document.scrollingElement;
  const edge = scroller === pane ? pane.getBoundingClientRect().top : 0;
  const rows = bodies.flatMap((body) => [...body.rows]);
  const anchor = scroller.scrollTop > 0 && rows.find((row) => row.getBoundingClientRect().bottom > edge);
  const top = anchor && anchor.getBoundingClientRect().top;
  const arrived = bodies.flatMap((body, index) => mergeRows(body, freshBodies[index]));
  const pager = old.querySelector(".pager");
  const freshPager = fresh.querySelector(".pager");
  if (pager && freshPager) swap(pager, freshPager);
  else if (freshPager) old.append(freshPager);
  if (anchor && anchor.isConnected) scroller.scrollTop += anchor.getBoundingClientRect().top - top;
  if (arrived.length) byId("announce").textContent = `${old.dataset.arrived}: ${arrived.join(", ")}`;
}

/** Another set of sections: all is new, and the focus goes back to the row where it was. */
function replaceRows(old, fresh) {
  const focused = old.contains(document.activeElement) && document.activeElement.closest("tr")?.id;
  const news = fresh.querySelector("[data-news]")?.textContent;
  if (news && news !== old.querySelector("[data-news]")?.textContent) byId("announce").textContent = news;
  old.replaceChildren(...fresh.childNodes);
  if (focused) byId(focused)?.querySelector("a")?.focus({ preventScroll: true });
}

/** The numbers of the rows that came to stand on top. */
function mergeRows(body, freshBody) {
  const wanted = new Set([...freshBody.rows].map((row) => row.id));
  for (const row of [...body.rows]) if (!wanted.has(row.id)) row.remove();
  const arrived = [];
  let place = body.firstElementChild;
  let met = false; // a row that was there: what comes after it is no arrival
  for (const row of [...freshBody.rows]) {
    const known = byId(row.id);
    const heading = !row.querySelector(".c-number");
    if (!known) {
      if (!met) {
        row.classList.add("fresh");
        arrived.push(row.querySelector(".c-number").textContent);
      }
      body.insertBefore(row, place);
    } else {
      met ||= !heading;
      if (known.innerHTML !== row.innerHTML) update(known, row);
      if (known !== place) body.insertBefore(known, place);
      place = known.nextElementSibling;
    }
  }
  return arrived;
}

function update(row, fresh) {
  const focused = row.contains(document.activeElement) && document.activeElement.localName;
  const picked = row.querySelector("[name=id]")?.checked;
  row.replaceChildren(...fresh.childNodes);
  if (picked) row.querySelector("[name=id]").checked = true;
  if (focused) row.querySelector(focused)?.focus({ preventScroll: true });
}

// --- filters act at once ---
// Only where the list stands alone: beside a report they would close it.

const PAUSE = 600; // milliseconds without a key, after which the words act
const filters = document.querySelector(".list:not(.beside) #find");
let typing = 0;
let asked = null;

async function applyFilters() {
  clearTimeout(typing);
  asked?.abort();
  const { signal } = (asked = new AbortController());
  const fields = [...new FormData(filters)].filter(([, value]) => value);
  const address = `${filters.getAttribute("action")}?${new URLSearchParams(fields)}`;
  byId("found").inert = true; // nobody decides about a list that is no longer meant
  try {
    const answer = await fetch(address, { cache: "no-store", signal });
    if (answer.redirected || !answer.ok) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (signal.aborted) return;
    history.replaceState(null, "", address);
    for (const id of ["tabs", "saved-views", "switch", "found"]) byId(id).replaceWith(fresh.getElementById(id));
    for (const field of filters.querySelectorAll("select")) swap(field, fresh.getElementById(field.id)); // choices follow the site
    byId("announce").textContent = byId("announce").dataset.filtered;
    showTab();
    showPicked();
  } catch {
    if (!signal.aborted) location.assign(address); // the page says what is wrong
  }
}

filters?.addEventListener("change", (event) => {
  if (event.target.form === filters && event.target.id !== "search") applyFilters(); // the author is a form of its own
});
filters?.addEventListener("input", (event) => {
  if (event.target.id !== "search") return;
  clearTimeout(typing);
  typing = setTimeout(applyFilters, PAUSE);
});
filters?.addEventListener("submit", (event) => {
  event.preventDefault();
  applyFilters();
});

// --- tabs and menus ---

/** Moves a line of links that is longer than the page to the current one. */
function showTab() {
  for (const tab of document.querySelectorAll(":is(.tabs li, .views) [aria-current]")) {
    const line = tab.closest(".tabs ul, .views");
    line.scrollLeft = tab.offsetLeft - line.offsetLeft - (line.clientWidth - tab.offsetWidth) / 2;
  }
}
showTab();

function closeMenu(menu) {
  const focused = menu.contains(document.activeElement);
  menu.open = false;
  if (focused) menu.querySelector("summary").focus();
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") document.querySelectorAll(".menu[open]").forEach(closeMenu);
});
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});

// --- keys ---

const KEYS = "cabinet-keys";

function keysOn() {
  try {
    return localStorage.getItem(KEYS) !== "off";
  } catch {
    return true;
  }
}

function move(step) {
  const links = [...document.querySelectorAll(".inbox .c-text a")].filter((link) => link.offsetParent);
  if (!links.length) return;
  let at = links.indexOf(document.activeElement);
  if (at < 0) at = links.findIndex((link) => link.hasAttribute("aria-current"));
  const next = links[at < 0 ? 0 : Math.min(Math.max(at + step, 0), links.length - 1)];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}

// By the place of the key where it is a letter: «о» and «л» lie where J and K do.
const ACTIONS = {
  KeyJ: () => move(1),
  KeyK: () => move(-1),
  KeyD: () => document.querySelector(".decision input[type=radio]")?.focus(),
  KeyX: () => document.activeElement.closest("tr")?.querySelector("[name=id]")?.click(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || !keysOn()) return;
  const field = event.target.closest("input, textarea, select");
  if (field && field.type !== "radio" && field.type !== "checkbox") return;
  // «/» shares its key with the full stop on a Russian keyboard.
  const slash = event.key === "/" || (event.code === "Slash" && event.key === ".");
  const action = slash ? () => byId("search")?.focus() : ACTIONS[event.code];
  if (!action || (event.shiftKey && !slash)) return;
  event.preventDefault();
  action();
});

const useKeys = byId("use-keys");
if (useKeys) {
  byId("keys").hidden = false;
  useKeys.checked = keysOn();
  useKeys.addEventListener("change", () => {
    try {
      localStorage.setItem(KEYS, useKeys.checked ? "on" : "off");
    } catch {
      useKeys.checked = true; // storage is refused: the keys stay as they are
    }
  });
}

// --- many reports at once ---

const picks = () => [...document.querySelectorAll(".inbox [name=id]")];

function showPicked() {
  const status = byId("picked");
  if (!status) return;
  const count = picks().filter((box) => box.checked).length;
  status.textContent = count ? `${status.dataset.picked} ${count}` : "";
  byId("pick-all").hidden = false;
  byId("pick-all").checked = count > 0 && count === picks().length;
}

document.addEventListener("change", (event) => {
  if (event.target.id === "pick-all") for (const box of picks()) box.checked = event.target.checked;
  showPicked();
});
addEventListener("pageshow", showPicked); // a browser may restore what was ticked

/** Counts the minute down, then looks until all is done. */
function countDown() {
  const waiting = document.querySelector("[data-seconds]");
  let again = 1000;
  if (waiting) {
    waiting.dataset.until ??= Date.now() + 1000 * Number(waiting.dataset.seconds);
    const left = Math.max(0, Math.ceil((Number(waiting.dataset.until) - Date.now()) / 1000));
    waiting.textContent = waiting.textContent.replace(/\d+/, left);
    if (left === 0) again = 3000;
  }
  if (again > 1000 || document.querySelector("[data-bulk^=running]")) {
    again = 3000;
    refresh().catch(() => {}); // the next look tells of it
  }
  setTimeout(countDown, again);
}
countDown();

// --- nothing typed is lost ---
// What stands in a form waits in this tab's storage until that form is sent: sending another, an expired session and a
// closed page leave it alone. Whoever leaves with something unsent is asked first.

const here = new URL(location.href);
const user = document.querySelector(".cabinet-head")?.dataset.user ?? "";
const DRAFT = "cabinet-draft:";
const SENT = "cabinet-sent"; // the drafts that go once it is said that their form was taken

const secret = (field) => field.type === "password" || /(password|one-time-code)$/.test(field.autocomplete); // a password may be shown as it is typed
const consent = (field) => field.type === "checkbox" && field.name === "consent"; // each author is asked anew
const written = (field) =>
  Boolean(field.name) && !secret(field) && !consent(field) && !["hidden", "file", "submit", "button"].includes(field.type) && field.name !== "template";
const forms = () => [...document.querySelectorAll("main form[method=post]:not([data-passing])")];
const choice = (field) => field.type === "radio" || field.type === "checkbox";

function draftOf(field) {
  const action = field.form.getAttribute("action").replace(/[?#].*/, "");
  const one = choice(field) ? `=${field.value}` : "";
  return `${DRAFT}${user}:${action}#${field.name}${one}`;
}

function isChanged(field) {
  if (field.type === "file") return field.files.length > 0;
  if (!written(field)) return false;
  if (choice(field)) return field.checked !== field.defaultChecked;
  if (field.localName === "select") {
    const options = [...field.options];
    const initial = options.find((option) => option.defaultSelected) ?? options[0];
    return field.value !== (initial?.value ?? "");
  }
  return field.value !== field.defaultValue;
}

function isDirty(form) {
  return "unsent" in form.dataset || [...form.elements].some((field) => isChanged(field) || field.getAttribute("aria-invalid") === "true");
}

function reveal(field) {
  if (field.closest("details")) field.closest("details").open = true;
}

function restoreDrafts() {
  // A page that shows something once is the answer to the form itself, not where it redirects to.
  if (here.searchParams.has("done") || document.querySelector("main [data-done]")) {
    for (const key of JSON.parse(sessionStorage.getItem(SENT) ?? "[]")) sessionStorage.removeItem(key);
    here.searchParams.delete("done"); // so that reloading does not say it again
    history.replaceState(null, "", here);
  }
  sessionStorage.removeItem(SENT);
  for (const form of forms()) {
    if ("unsent" in form.dataset) {
      // The service has filled it, and may have changed what was typed, or moved it to a field that was empty.
      for (const field of [...form.elements].filter(written))
        if (sessionStorage.getItem(draftOf(field)) !== null || (!choice(field) && field.value)) keep(field);
      continue;
    }
    // What was refused stands in the page. Whoever leaves that has given it up: settings are not offered it again.
    const isRefused = "settings" in form.dataset && form.querySelector("[aria-invalid=true]");
    for (const field of [...form.elements].filter(written)) {
      if (isRefused) sessionStorage.removeItem(draftOf(field));
      const draft = sessionStorage.getItem(draftOf(field));
      if (draft === null || isChanged(field)) continue;
      if (choice(field)) field.checked = draft === "on";
      else field.value = draft;
      if (draft) reveal(field);
      if (isChanged(field)) mark(field);
    }
  }
}

const around = (field) => field.closest(".field, fieldset") ?? field.parentElement;
const marks = () => [...document.querySelectorAll("main .draft")];

/** Says at a field, or at a group of choices, that what stands in it is a draft, and offers to take it out again. */
function mark(field) {
  const place = around(field);
  if (marks().some((note) => note.parentElement === place)) return;
  const words = byId("drafts");
  const note = words.content.firstElementChild.cloneNode(true);
  const fields = () => [...place.querySelectorAll("input, select, textarea")].filter(written);
  const target = place.localName === "fieldset" ? place : field;
  const described = target.getAttribute("aria-describedby");
  const text = note.firstElementChild;
  text.id = `draft-${marks().length}`;
  target.setAttribute("aria-describedby", [text.id, described].filter(Boolean).join(" "));
  note.querySelector("button").addEventListener("click", () => {
    for (const one of fields()) discard(one);
    fields()[0].focus();
  });
  place.append(note);
}

function discard(field) {
  if (choice(field)) field.checked = field.defaultChecked;
  else if (field.localName === "select") for (const option of field.options) option.selected = option.defaultSelected;
  else field.value = field.defaultValue;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

/** Nothing is a draft any more where all stands as the page brought it. */
function unmark(field) {
  const place = around(field);
  const note = marks().find((one) => one.parentElement === place);
  if (!note || [...place.querySelectorAll("input, select, textarea")].some(isChanged)) return;
  for (const one of [place, ...place.querySelectorAll("[aria-describedby]")]) {
    const left = one.getAttribute("aria-describedby")?.replace(note.firstElementChild.id, "").trim();
    if (left) one.setAttribute("aria-describedby", left);
    else one.removeAttribute("aria-describedby");
  }
  note.remove();
  byId("draft-said").textContent = "";
}

const keep = (field) => sessionStorage.setItem(draftOf(field), choice(field) ? (field.checked ? "on" : "off") : field.value);

function saveDraft(field) {
  const fields = field.type === "radio" ? [...field.form.elements].filter((one) => one.name === field.name) : [field];
  for (const one of fields) {
    if (isChanged(one)) keep(one);
    else sessionStorage.removeItem(draftOf(one));
  }
}

/** The fields a button is about: of a page whose forms are sent as one, those beside the button. */
function sentWith(form, button) {
  const part = button && !form.contains(button) ? button.closest("details, section") : form;
  return [...form.elements].filter((field) => written(field) && part.contains(field));
}

function forgetDrafts() {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith(DRAFT)) sessionStorage.removeItem(key);
}

function quietly(work) {
  try {
    work();
  } catch {
    // storage is refused: nothing is kept
  }
}

let leaving = false;
let asking = false;

function askBeforeLeaving() {
  if (asking) return; // listening costs a page its place in the browser's back and forward cache
  asking = true;
  addEventListener("beforeunload", (event) => {
    if (!leaving && forms().some(isDirty)) event.preventDefault();
  });
}

// Back leads to the form as the service has it: the drafts say what was not sent, so a browser need not remember more.
for (const form of forms()) form.autocomplete = "off";
quietly(restoreDrafts);
// Once the page is there: what a live region holds before that is read by no screen reader.
addEventListener("load", () => {
  if (marks().length) byId("draft-said").textContent = marks()[0].firstElementChild.textContent;
});
if (forms().some(isDirty)) askBeforeLeaving();
for (const kind of ["input", "change"]) {
  document.addEventListener(kind, (event) => {
    const field = event.target;
    if (!field.form || !forms().includes(field.form)) return;
    askBeforeLeaving();
    if (written(field)) quietly(() => saveDraft(field));
    unmark(field);
  });
}
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if ("signsOut" in form.dataset) {
    addEventListener("pagehide", () => quietly(forgetDrafts)); // the next person at this screen reads none of it
  } else if (forms().includes(form)) {
    quietly(() => sessionStorage.setItem(SENT, JSON.stringify(sentWith(form, event.submitter).map(draftOf))));
  }
  leaving = document.querySelector("main").contains(form);
});
addEventListener("pageshow", ({ persisted }) => {
  if (persisted && leaving) location.reload(); // it comes from the browser's memory, where its form is not sent yet
  else leaving = false;
});

// --- the draft on the service ---
// What stands in the forms of a report is kept on the service as well: for another window, another day, and so that
// colleagues see who is writing.

const KEEP = 1500; // milliseconds after the last change
let keeping;

async function keepDraft(address) {
  const fields = new URLSearchParams();
  const names = ["form_token", "photo", "document", "approves"];
  for (const field of forms().flatMap((form) => [...form.elements])) {
    if ((!written(field) && !names.includes(field.name)) || (choice(field) && !field.checked)) continue;
    if (names.includes(field.name) || field.value) fields.append(field.name, field.value);
  }
  try {
    const answer = await fetch(address, { method: "POST", body: fields });
    if (!answer.ok || answer.redirected) return; // this tab's storage has it
    const { saved, others } = await answer.json();
    byId("draft-kept").textContent = [saved, others].filter(Boolean).join(" ");
  } catch {
    // the same
  }
}

function keepLater(field) {
  const address = byId("draft-kept")?.dataset.address;
  if (!address || !field.form || !forms().includes(field.form) || !written(field)) return;
  clearTimeout(keeping);
  keeping = setTimeout(() => keepDraft(address), KEEP);
}

document.addEventListener("input", (event) => keepLater(event.target));
document.addEventListener("submit", () => clearTimeout(keeping));

// --- templates of answers ---
// The choice inserts its text where one writes; without this a button of the form does.

function insertTemplate(select) {
  const { text, status } = select.selectedOptions[0].dataset;
  const field = byId("field-text");
  const decision = status && byId(`to-${status}`);
  select.value = "";
  if (decision && !document.querySelector(".decision [name=to]:checked")) decision.click();
  field.value = [field.value.trim(), text].filter(Boolean).join("\n\n");
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
}

function readyTemplates() {
  document.querySelector(".template button")?.remove();
}

// The text of a reason to reject takes the place of that of another reason, never of what somebody wrote.
function explainReason(select) {
  const field = byId("field-text");
  const known = [...select.options].map((option) => option.dataset.text ?? "");
  if (!known.includes(field.value.trim())) return;
  field.value = select.selectedOptions[0].dataset.text ?? "";
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

// A choice that has fields of its own opens them.
document.addEventListener("change", ({ target }) => {
  const fold = target.form?.querySelector("details[data-opened-by]");
  if (fold && `${target.name}=${target.value}` === fold.dataset.openedBy) fold.open = true;
});

document.addEventListener("change", (event) => {
  if (event.target.id === "field-template" && event.target.value) insertTemplate(event.target);
  if (event.target.id === "field-reject_reason") explainReason(event.target);
});
readyTemplates();

// --- the browser's own notifications ---
// Only where one asked for them, and only while a page of the cabinet is open. They say how much is new, not what.

const NOTICE_POLL = 10_000; // milliseconds
const NOTIFIED = "cabinet-notices"; // who asked for them in this browser
const LAST_NOTICE = `cabinet-notice:${user}`; // the newest that was shown or was there when they were asked for

function notifies() {
  try {
    return Boolean(user) && Notification.permission === "granted" && localStorage.getItem(NOTIFIED) === user;
  } catch {
    return false; // no notifications here, or storage is refused
  }
}

async function lookForNotices() {
  if (notifies()) {
    try {
      const after = localStorage.getItem(LAST_NOTICE) ?? "";
      const answer = await fetch(`/cabinet/notices?after=${encodeURIComponent(after)}`);
      const { last, text } = answer.ok ? await answer.json() : {};
      if (last) localStorage.setItem(LAST_NOTICE, last);
      if (text) {
        const shown = new Notification(document.querySelector(".masthead-name a").textContent, { body: text, tag: last });
        shown.onclick = () => window.focus();
      }
    } catch {
      // without a connection, or where a page may not show any (Android): the letters come
    }
  }
  setTimeout(lookForNotices, NOTICE_POLL);
}

function readyNotices(box) {
  const button = box.querySelector("button");
  const show = () => {
    button.textContent = notifies() ? box.dataset.off : box.dataset.on;
    box.querySelector("span").textContent = Notification.permission === "denied" ? box.dataset.denied : "";
  };
  box.hidden = false;
  show();
  button.addEventListener("click", async () => {
    const off = notifies();
    if (off || (await Notification.requestPermission()) === "granted") {
      quietly(() => {
        localStorage.setItem(NOTIFIED, off ? "" : user);
        localStorage.removeItem(LAST_NOTICE);
      });
    }
    show();
  });
}

if ("Notification" in window && byId("browser-notices")) readyNotices(byId("browser-notices"));
lookForNotices();

const current = document.querySelector(".beside .current");
const pane = current?.closest(".beside"); // scrolled alone: scrollIntoView would move the page as well
if (pane) pane.scrollTop = Math.max(0, current.offsetTop + current.offsetHeight * 2 - pane.clientHeight);
look();
