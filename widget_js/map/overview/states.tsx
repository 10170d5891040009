/** What the map says of itself: how much can be seen, what is missing, what went wrong. */

import { useSite } from "../../shared/site.ts";
import type { Answer } from "./clusters.ts";
import type { Seen } from "./marks.ts";

/** `seen`: how many problems are within the view; null before the first answer. */
export function States({
  answer,
  seen,
  failed,
  again,
  busy
}: {
  answer: Answer | null;
  seen: Seen | null;
  failed: boolean;
  again: () => void;
  busy: boolean;
}) {
  const {
    language: { t, count }
  } = useSite();
  const offline = failed && !navigator.onLine;
  return (
    <div class="states">
      {failed && (
        <p class="state bad" role="alert">
          {t(offline ? "map_offline" : "map_unloaded")}{" "}
          <button class="link" type="button" onClick={again}>
            {t("retry")}
          </button>
        </p>
      )}
      <p
        class={failed || (seen === null && !busy) ? "away" : "state"}
        role="status"
        aria-busy={busy ? "true" : undefined}>
        {seen === null
          ? busy && !failed && t("map_loading")
          : seen.count || seen.rough
            ? count("map_seen", seen.count).replace(/\d/, (seen.rough ? "≈\u00a0" : "") + "$&")
            : t("map_none")}
      </p>
      {answer && answer.clusters.partial && <p class="state">{t("map_partial")}</p>}
    </div>
  );
}
