// The page inside an iframe: tells the page around it how high it is, once that one has greeted it and is the site's own.
// It runs before the loader, neither deferred nor async: else a widget that is ready sooner would not be heard.
const { origins, accent, ink } = document.currentScript.dataset;
const allowed = origins.split(" ");
const waiting = [];
let parentOrigin = null;
let sentHeight = 0;

addEventListener("DOMContentLoaded", () => {
  const { style } = document.querySelector("igrajdanin-widget");
  if (accent) style.setProperty("--igw-accent", accent);
  if (ink) style.setProperty("--igw-accent-ink", ink);
});

function send(message) {
  if (parentOrigin) parent.postMessage(message, parentOrigin);
  else if (waiting.length < 10) waiting.push(message);
}

function measure() {
  const height = Math.ceil(document.documentElement.getBoundingClientRect().height);
  if (!parentOrigin || height === sentHeight) return;
  sentHeight = height;
  send({ igrajdanin: "height", height });
}

addEventListener("message", ({ data, origin, source }) => {
  if (source !== parent || !data || data.igrajdanin !== "hello" || !allowed.includes(origin)) return;
  parentOrigin = origin;
  sentHeight = 0;
  waiting.splice(0).forEach(send);
  measure();
});
for (const name of ["ready", "step", "submitted", "error"]) {
  addEventListener(`igrajdanin:${name}`, ({ detail }) => send({ igrajdanin: name, detail: detail || undefined }));
}
new ResizeObserver(measure).observe(document.documentElement);
