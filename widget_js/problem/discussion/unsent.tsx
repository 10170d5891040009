/** Why something was not sent: in the service's words, but for those that are meant for the webmaster of the page. */

import type { ApiError } from "../../shared/api.ts";
import { link } from "../../shared/links.ts";
import { refuses } from "../../shared/ui/refusal.tsx";
import { useSite } from "../../shared/site.ts";

/** `page`: where the same can be done. */
export function Unsent({ error, page }: { error: ApiError; page: string | undefined }) {
  const {
    language: { t }
  } = useSite();
  return refuses(error) ? (
    <>
      {t("elsewhere")} <a href={link(page)}>{t("unavailable_link")}</a>
    </>
  ) : (
    <>{error.body.detail || t("not_sent")}</>
  );
}
