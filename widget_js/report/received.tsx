/**
 * The report has arrived. Its number, and the way to ask about it, need nothing more; the rest is a chunk (done.tsx).
 */

import { link } from "../shared/links.ts";
import type { Receipt } from "../shared/contract.ts";
import type { Lazy } from "../shared/lazy.ts";
import { useArrival } from "./hooks.ts";
import { useSite } from "../shared/site.ts";
import type { Values } from "./values.ts";

export function Received({
  done: { chunk },
  isFocusKept,
  ...props
}: {
  receipt: Receipt;
  values: Values;
  earlier: boolean;
  again: () => void;
  isFocusKept: () => boolean;
  done: Lazy<typeof import("./done/entry.ts")>;
}) {
  const {
    config,
    language: { t, number }
  } = useSite();
  const {
    receipt: { number: given, code, track_url: track }
  } = props;
  const { element: heading, isMissed } = useArrival<HTMLHeadingElement>(isFocusKept);
  return (
    <div class="done">
      <h3 tabIndex={-1} ref={heading}>
        {t("done_received")}
      </h3>
      {isMissed && (
        <p class="away" role="alert">
          {t("done_received")}
        </p>
      )}
      <p class="figure">{t("done_number", { number: number(given) })}</p>
      {chunk ? (
        <chunk.Done {...props} />
      ) : (
        <p>
          {code} <a href={link(track || config.links.track)}>{t("unavailable_link")}</a>
        </p>
      )}
    </div>
  );
}
