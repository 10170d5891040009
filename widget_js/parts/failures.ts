/** Tells the service that the widget failed on this page: a word of a short list, no text, no person, each once. */

import type { Host } from "../host.ts";

/** Written in by the build: the release, as the challenge is asked for. */
declare const VERSION: string;

/** Names the service knows (widget_api/install/model.py); a directive of the page's policy stands for what it blocked. */
type Failure = "config" | "crash" | "send" | "connect-src" | "img-src" | "script-src-elem";

let told = "";

/** By a picture: where a policy forgot connect-src, as most do at first, nothing else would get through. */
export function tell(host: Host, failure: Failure): void {
  if (told.includes(failure)) return;
  told += failure;
  const picture = new Image();
  picture.crossOrigin = "";
  picture.src = host.api() + "/api/v1/sites/" + host.of("site-key") + "/challenge" + VERSION + "&failed=" + failure;
}

/** Notices what the page's policy blocks of ours, and what breaks in this code. */
export function watch(host: Host): void {
  document.addEventListener("securitypolicyviolation", event => {
    if (event.blockedURI.startsWith(host.api())) tell(host, event.effectiveDirective as Failure);
  });
  addEventListener("error", event => {
    if (event.filename === import.meta.url) tell(host, "crash");
  });
}
