/**
 * Reports to the service that the widget failed on this page: a word of a short list, no text, no person, each once.
 */

import type { Options } from "../loader/host.ts";
import { folder } from "./chunks.ts";

/** Written in by the build: the release, as the challenge is asked for. */
declare const VERSION: string;

/**
 * Names the service knows (widget_api/install/model.py); a directive of the page's policy stands for what it blocked.
 */
type Failure = "config" | "crash" | "send" | "connect-src" | "img-src" | "script-src-elem";

const reported = new Set<string>();

/** By a picture: where a policy forgot connect-src, as most do at first, nothing else would get through. */
export function reportFailure({ service, key }: Pick<Options, "service" | "key">, failure: Failure): void {
  const address = `${service}/api/v1/sites/${key}/challenge${VERSION}&failed=${failure}`;
  if (reported.has(address)) return;
  reported.add(address);
  const picture = new Image();
  picture.crossOrigin = "";
  picture.src = address;
}

/**
 * Notices what the page's policy blocks of ours, and what breaks in this code, until the returned function is called.
 * Scripts of one release share a folder: what their errors name as their place.
 */
export function watchFailures(options: () => Options): () => void {
  const violation = (event: SecurityPolicyViolationEvent) => {
    if (event.blockedURI.startsWith(options().service)) reportFailure(options(), event.effectiveDirective as Failure);
  };
  const failed = ({ filename }: ErrorEvent) => {
    if (filename && filename.startsWith(folder)) reportFailure(options(), "crash");
  };
  const rejected = ({ reason }: PromiseRejectionEvent) => {
    if (reason instanceof Error && String(reason.stack).includes(folder)) reportFailure(options(), "crash");
  };
  document.addEventListener("securitypolicyviolation", violation);
  addEventListener("error", failed);
  addEventListener("unhandledrejection", rejected);
  return () => {
    document.removeEventListener("securitypolicyviolation", violation);
    removeEventListener("error", failed);
    removeEventListener("unhandledrejection", rejected);
  };
}
