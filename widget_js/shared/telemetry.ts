/**
 * Reports to the service that the widget failed on this page: a word of a short list, no text, no person, each once.
 */

import { readOptions, type Launch, type Options } from "../loader/host.ts";
import { folder } from "./chunks.ts";
import { isTouched } from "./focus.ts";

/** Written in by the build: the release, as the challenge is asked for. */
declare const VERSION: string;

/**
 * Names the service knows (widget_api/sites/install/sightings.py); a directive of the page's policy stands for what it
 * blocked.
 */
type Failure = "config" | "crash" | "send" | "connect-src" | "img-src" | "script-src-elem";

const reported = new Set<string>();

/**
 * By a picture: where a policy forgot connect-src, as most do at first, nothing else would get through. The key of a
 * collection begins with its site's.
 */
export function reportFailure({ service, key }: Pick<Options, "service" | "key">, failure: Failure): void {
  const address = `${service}/api/v1/sites/${key.split("/", 1)}/challenge${VERSION}&failed=${failure}`;
  if (reported.has(address)) return;
  reported.add(address);
  const picture = new Image();
  picture.crossOrigin = "";
  picture.src = address;
}

/** Widgets of the page, in the order they started. */
const watching: HTMLElement[] = [];

/**
 * Notices what the page's policy blocks of ours, and what breaks in this code, until the returned function is called.
 * Scripts of one release share a folder, which their errors name as their place; the widget they do not name: it is
 * taken to be the one that was touched last, else the first.
 */
export function watchFailures(launch: Launch): () => void {
  const { host, service } = launch;
  const report = (failure: Failure) => reportFailure(readOptions(launch), failure);
  const crash = () => {
    if ((watching.find(isTouched) || watching[0]) === host) report("crash");
  };
  watching.push(host);
  const violation = (event: SecurityPolicyViolationEvent) => {
    if (event.blockedURI.startsWith(service)) report(event.effectiveDirective as Failure);
  };
  const failed = ({ filename }: ErrorEvent) => {
    if (filename && filename.startsWith(folder)) crash();
  };
  const rejected = ({ reason }: PromiseRejectionEvent) => {
    if (reason instanceof Error && String(reason.stack).includes(folder)) crash();
  };
  document.addEventListener("securitypolicyviolation", violation);
  addEventListener("error", failed);
  addEventListener("unhandledrejection", rejected);
  return () => {
    watching.splice(watching.indexOf(host), 1);
    document.removeEventListener("securitypolicyviolation", violation);
    removeEventListener("error", failed);
    removeEventListener("unhandledrejection", rejected);
  };
}
