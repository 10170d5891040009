/** Why something was not sent: in the service's words, but for those that are meant for the webmaster of the page. */

import type { ApiError } from "../api.ts";
import { link } from "../host.ts";
import { T } from "../i18n.ts";
import { refuses } from "../parts/refusal.tsx";
import { useSite } from "../parts/site.ts";

/** `page`: where the same can be done. */
export function Unsent({ error, page }: { error: ApiError; page: string }) {
  const { language: { t } } = useSite();
  return refuses(error) ? <>{t(T.elsewhere)} <a href={link(page)}>{t(T.unavailable_link)}</a></> : <>{error.body.detail || t(T.not_sent)}</>;
}
