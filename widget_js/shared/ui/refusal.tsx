/** When the widget cannot be offered: says so, where residents can turn instead, and to the webmaster what to do. */

import { useLayoutEffect } from "preact/hooks";
import { emit, type Options } from "../../loader/host.ts";
import type { ApiError } from "../api.ts";
import type { Configuration } from "../contract.ts";
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

const REASONS: Partial<Record<number, "unavailable_origin" | "unavailable_key" | "waiting_limit">> = {
  403: "unavailable_origin",
  404: "unavailable_key",
  429: "waiting_limit"
};

let logged = "";

/** Tells the webmaster, once, what is wrong with the element. */
export function warn(options: Options, text: string | number): void {
  const line = `${describe(options)}: ${text}`;
  if (line !== logged) console.error((logged = line));
}

/** What the service says of the element (nothing, where `data-api` leads elsewhere), and where to mend it. */
export function logRefusal(options: Options, error: ApiError): void {
  const { status, body } = error;
  if (refuses(error)) warn(options, body.detail ? `${body.detail} ${options.service}/sites/new` : status);
}

export function Refusal({
  error,
  host,
  options,
  language: { t, time },
  agency,
  retry
}: {
  error: ApiError;
  host: HTMLElement;
  options: Options;
  language: Language;
  agency: Configuration["agency"] | null;
  retry?: () => void;
}) {
  const { status, body } = error;
  useLayoutEffect(() => {
    if (!status || status > 499) reportFailure(options, "config");
    logRefusal(options, error);
    emit(host, "error", { status, code: body.code });
  }, [error]);
  const text = REASONS[status] || "unavailable_server";
  return (
    <div class="panel" role="alert">
      <p>{t(text, { time: time(Date.now() + (body.retry_after || 60) * 1000) })}</p>
      {/* Under a key that the service does not know it has no page either. */}
      {status !== 404 && (
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
          {agency && agency.email && <a href={"mailto:" + agency.email}>{agency.email}</a>}
        </p>
      )}
    </div>
  );
}
