/** When the form cannot be offered: says so in the page, gives the plain link, and tells the webmaster what to do. */

import { useEffect } from "preact/hooks";
import type { ApiError } from "../api.ts";
import { emit, plainLink, type Host } from "../host.ts";
import { T, type Language } from "../i18n.ts";
import { focusOn } from "./hooks.ts";
import { tell } from "./failures.ts";

/** A refusal of this place (not of one report): the origin, the key. */
export const refuses = (error: ApiError): boolean =>
  error.status === 404 || (error.status === 403 && error.body.code === "origin_not_registered");

let complained = "";

/** For the webmaster, once: what the element holds, what the service says of it (nothing, where `data-api` leads elsewhere), where to mend it. */
export function complain(host: Host, error: ApiError): void {
  const { status, body } = error;
  const text = `igrajdanin-widget site-key="${host.of("site-key")}" data-api="${host.api()}": ${body.detail ? body.detail + ` ${host.api()}/sites/new` : status}`;
  if (refuses(error) && text !== complained) console.error(complained = text);
}

export function Refusal({ error, host, language: { t, time }, retry }: {
  error: ApiError; host: Host; language: Language; retry?: () => void;
}) {
  const { status, body } = error;
  useEffect(() => {
    if (!status || status > 499) tell(host, "config");
    complain(host, error);
    emit(host, "error", { status, code: body.code });
  }, [error]);
  const text = status === 403 ? t(T.unavailable_origin)
    : status === 404 ? t(T.unavailable_key)
    : status === 429 ? t(T.waiting_limit, { time: time(Date.now() + (body.retry_after || 60) * 1000) })
    : t(T.unavailable_server);
  return <div class="panel" role="alert">
    <h3>{t(T.unavailable_title)}</h3>
    <p>{text}</p>
    <p class="actions">
      {retry && !refuses(error) && <button class="button quiet" type="button" onClick={() => { focusOn(host, "title"); retry(); }}>{t(T.retry)}</button>}
      <a class="button" href={plainLink(host)}>{t(T.unavailable_link)}</a>
    </p>
  </div>;
}
