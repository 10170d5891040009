/**
 * For pages that show /s/{key}/embed in an iframe: gives the frame the height its page has, and hands its events on.
 * It speaks to the service's origin alone, and listens to nobody but a frame of this page that shows it.
 */

import { emit } from "../loader/host.ts";

const { src, dataset } = document.currentScript as HTMLScriptElement;
/** `data-api` where the site serves this file itself. */
const service = new URL(dataset.api || src).origin;
/** A frame longer than this is no form any more. */
const HIGHEST = 20_000;

const ours = (): HTMLIFrameElement[] =>
  [...document.querySelectorAll("iframe")].filter(({ src }) => src.startsWith(service + "/s/"));
/**
 * One that has not come yet is still the host's own empty page: to greet it would be an error in the host's console.
 */
const greet = ({ contentDocument, contentWindow }: HTMLIFrameElement): void => {
  if (contentWindow && contentDocument?.URL !== "about:blank")
    contentWindow.postMessage({ igrajdanin: "hello" }, service);
};

addEventListener("message", ({ data, origin, source }: MessageEvent) => {
  if (origin !== service || !data || !data.igrajdanin) return;
  const frame = ours().find(({ contentWindow }) => contentWindow === source);
  if (!frame) return;
  const { igrajdanin: name, height, detail } = data;
  if (name === "height" && height > 0 && height <= HIGHEST) {
    const border = getComputedStyle(frame).boxSizing === "border-box" ? frame.offsetHeight - frame.clientHeight : 0;
    frame.style.height = Math.ceil(height) + border + "px";
  }
  if (["ready", "step", "submitted", "error"].includes(name)) emit(frame, name, detail);
});
// A frame that comes later, or is led to another page, is greeted when it is there; its load event does not bubble, and
// stops at the document.
document.addEventListener(
  "load",
  event => ours().includes(event.target as HTMLIFrameElement) && greet(event.target as HTMLIFrameElement),
  true
);
ours().forEach(greet);
