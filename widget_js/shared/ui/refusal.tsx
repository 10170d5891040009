/** When the widget cannot be offered: says so in the page, gives the plain link, and tells the webmaster what to do. */

import { useLayoutEffect } from "preact/hooks";
import { emit, type Options } from "../../loader/host.ts";
import type { ApiError } from "../api.ts";
import { focusOn } from "../focus.ts";
import type { Language } from "../i18n.ts";
import { plainLink } from "../links.ts";
import { reportFailure } from "../telemetry.ts";

/** A refusal of this place (not of one report): the origin, the key. */
export const refuses = (error: ApiError): boolean =>
  error.status === 404 || (error.status === 403 && error.body.code === "origin_not_registered");

/** The widget, as the console names it. */
export const describe = ({ key, service }: Options): string =>
  `igrajdanin-widget site-key="${key}" data-api="${service}"`;

let logged = "";

/**
 * For the webmaster, once: what the element holds, what the service says of it (nothing, where `data-api` leads
 * elsewhere), where to mend it.
 */
export function logRefusal(options: Options, error: ApiError): void {
  const { status, body } = error;
  const text = `${describe(options)}: ${body.detail ? body.detail + ` ${options.service}/sites/new` : status}`;
  if (refuses(error) && text !== logged) console.error((logged = text));
}

export function Refusal({
  error,
  host,
  options,
  language: { t, time },
  retry
}: {
  error: ApiError;
  host: HTMLElement;
  options: Options;
  language: Language;
  retry?: () => void;
}) {
  const { status, body } = error;
  useLayoutEffect(() => {
    if (!status || status > 499) reportFailure(options, "config");
    logRefusal(options, error);
    emit(host, "error", { status, code: body.code });
  }, [error]);
  const text =
    status === 403
      ? t("unavailable_origin")
      : status === 404
        ? t("unavailable_key")
        : status === 429
          ? t("waiting_limit", { time: time(Date.now() + (body.retry_after || 60) * 1000) })
          : t("unavailable_server");
  return (
    <div class="panel" role="alert">
      <h3>{t("unavailable_title")}</h3>
      <p>{text}</p>
      <p class="actions">
        {retry && !refuses(error) && (
          <button
            class="button quiet"
            type="button"
            onClick={() => {
              focusOn(host, "title");
              retry();
            }}>
            {t("retry")}
          </button>
        )}
        <a class="button" href={plainLink(host, options)}>
          {t("unavailable_link")}
        </a>
      </p>
    </div>
  );
}
