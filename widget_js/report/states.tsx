/** The form's other faces: the error summary, and a report that waits to be sent again. */

import type { RefObject } from "preact";
import type { ApiError } from "../shared/api.ts";
import { useArrival } from "./hooks.ts";
import { useSite } from "../shared/site.ts";
import type { ReportSession } from "./session.ts";
import type { FieldError } from "./validate.ts";
import { Words } from "../shared/ui/words.tsx";

/** Read once: with the focus, or as an alert where that stays with the person. */
export function ErrorSummary({
  errors,
  alert,
  visit,
  box
}: {
  errors: FieldError[];
  alert: boolean;
  visit: (control: string) => void;
  box: RefObject<HTMLDivElement | null>;
}) {
  const {
    language: { t }
  } = useSite();
  return (
    <div class="panel bad" role={alert ? "alert" : "group"} aria-labelledby="errors" tabIndex={-1} ref={box}>
      <h3 id="errors">
        <Words>{t("errors_title", { n: errors.length })}</Words>
      </h3>
      <ul>
        {errors.map(({ control, text }) => (
          <li key={control}>
            <button class="link" type="button" onClick={() => visit(control)}>
              {t(...text)}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** The report waits, or is being sent again. */
export function Waiting({ report, error }: { report: ReportSession; error: ApiError | undefined }) {
  const {
    language: { t, time }
  } = useSite();
  const { element: title } = useArrival<HTMLHeadingElement>(report);
  const {
    isBusy,
    draft: { since }
  } = report;
  const action = (text: string, act: () => void, kind = "button quiet") => (
    <button class={kind} type="button" aria-disabled={isBusy || undefined} onClick={() => isBusy || act()}>
      <Words>{text}</Words>
    </button>
  );
  return (
    <div class="panel">
      <h3 tabIndex={-1} ref={title}>
        {t("waiting_title")}
      </h3>
      <p role="alert">
        {error && error.status === 429
          ? t("waiting_limit", { time: time(Date.now() + (error.body.retry_after || 60) * 1000) })
          : t(error && error.status ? "waiting_server" : error || !navigator.onLine ? "waiting_network" : "sending")}
        {since && " " + t("waiting_since", { time: time(since) })}
      </p>
      <p class="actions">
        {action(t("edit"), () => report.edit())}
        {action(t(isBusy ? "sending" : "resend"), () => void report.send(), "button")}
        {action(t("draft_erase"), () => report.erase(), "link")}
      </p>
    </div>
  );
}
