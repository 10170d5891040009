/**
 * The report has arrived. Its number, and the way to ask about it, need nothing more; the rest is a chunk (done.tsx).
 */

import { link } from "../shared/links.ts";
import type { Lazy } from "../shared/lazy.ts";
import { useArrival } from "./hooks.ts";
import { useSite } from "../shared/site.ts";
import type { ReceivedOutcome } from "./send.ts";
import type { ReportSession } from "./session.ts";

export function Received({
  later: { chunk },
  ...props
}: {
  report: ReportSession;
  outcome: ReceivedOutcome;
  later: Lazy<typeof import("./later.ts")>;
}) {
  const {
    config,
    language: { t, number }
  } = useSite();
  const {
    report,
    outcome: { receipt }
  } = props;
  const { element: heading, isMissed } = useArrival<HTMLHeadingElement>(report);
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
      <p class="figure">{t("done_number", { number: number(receipt.number) })}</p>
      {chunk ? (
        <chunk.Done {...props} />
      ) : (
        <p>
          {receipt.code} <a href={link(receipt.track_url || config.links.track)}>{t("unavailable_link")}</a>
        </p>
      )}
    </div>
  );
}
