/** The form's other faces: the error summary, and a report that waits to be sent again. */

import type { RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { useArrival } from "./hooks.ts";
import { useSite } from "../shared/site.ts";
import type { Held } from "./sending.ts";
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
    language: { count }
  } = useSite();
  return (
    <div class="panel bad" role={alert ? "alert" : "group"} aria-labelledby="errors" tabIndex={-1} ref={box}>
      <h3 id="errors">
        <Words>{count("errors_title", errors.length)}</Words>
      </h3>
      <ul>
        {errors.map(({ control, text }) => (
          <li key={control}>
            <button class="link" type="button" onClick={() => visit(control)}>
              {text}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Seconds until the next try by itself: the first, and the longest. */
const PAUSE = 5,
  LONGEST = 60;

export function Waiting({
  outcome,
  there,
  busy,
  since,
  send,
  edit,
  cancel
}: {
  outcome: Held;
  there: () => boolean;
  busy: boolean;
  since: number | undefined;
  send: () => void;
  edit: () => void;
  cancel: () => void;
}) {
  const {
    language: { t, time }
  } = useSite();
  const tries = useRef(0);
  const { element: title } = useArrival<HTMLHeadingElement>(there);
  const { error } = outcome;
  const limited = error.status === 429;
  useLayoutEffect(() => {
    if (limited || busy) return;
    const timer = setTimeout(send, Math.min(PAUSE * 2 ** tries.current++, LONGEST) * 1000);
    addEventListener("online", send);
    return () => {
      clearTimeout(timer);
      removeEventListener("online", send);
    };
  }, [outcome, busy]);
  const action = (text: string, act: () => void, kind = "button quiet") => (
    <button class={kind} type="button" aria-disabled={busy || undefined} onClick={() => busy || act()}>
      <Words>{text}</Words>
    </button>
  );
  return (
    <div class="panel">
      <h3 tabIndex={-1} ref={title}>
        {t("waiting_title")}
      </h3>
      <p role="alert">
        {limited
          ? t("waiting_limit", { time: time(Date.now() + (error.body.retry_after || 60) * 1000) })
          : t(error.status ? "waiting_server" : "waiting_network")}
        {since && " " + t("waiting_since", { time: time(since) })}
      </p>
      <p class="actions">
        {action(t("edit"), edit)}
        {action(t(busy ? "sending" : "resend"), send, "button")}
        {action(t("draft_erase"), cancel, "link")}
      </p>
    </div>
  );
}
