/** The form's other faces: the error summary, and a report that waits to be sent again. */

import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { T } from "../i18n.ts";
import { focus } from "../parts/hooks.ts";
import { Icon } from "../parts/icon.tsx";
import { useSite } from "../parts/site.ts";
import type { Outcome } from "./send.ts";
import type { FieldError } from "./validate.ts";

export function ErrorSummary({ errors, visit, box }: {
  errors: FieldError[]; visit: (control: string) => void; box: RefObject<HTMLDivElement | null>;
}) {
  const { language: { count } } = useSite();
  return <div class="panel bad" role="alert" tabIndex={-1} ref={box}>
    <h3>{count(T.errors_title, errors.length)}</h3>
    <ul>
      {errors.map(({ control, text }) => <li key={control}><button class="link" type="button" onClick={() => visit(control)}>{text}</button></li>)}
    </ul>
  </div>;
}

/** Seconds until the next try by itself; the last one repeats. */
const PAUSES = [5, 15, 30, 60];

export function Waiting({ outcome, busy, send, edit, anew }: {
  outcome: Extract<Outcome, { state: "waiting" | "conflict" }>; busy: boolean; send: () => void; edit: () => void; anew: () => void;
}) {
  const { language: { t, time } } = useSite();
  const tries = useRef(0);
  const title = useRef<HTMLHeadingElement>(null);
  const error = outcome.state === "waiting" ? outcome.error : null;
  const limited = !!error && error.status === 429;
  useEffect(() => focus(title), []);
  useEffect(() => {
    if (!error || limited || busy) return;
    const pause = PAUSES[Math.min(tries.current++, PAUSES.length - 1)]!;
    const timer = setTimeout(send, pause * 1000);
    addEventListener("online", send);
    return () => {
      clearTimeout(timer);
      removeEventListener("online", send);
    };
  }, [outcome, busy]);
  if (!error) return <div class="panel" role="alert">
    <h3 tabIndex={-1} ref={title}>{t(T.conflict_title)}</h3>
    <p>{t(T.conflict_text)}</p>
    <p class="actions"><button class="button quiet" type="button" disabled={busy} onClick={edit}>{t(T.edit)}</button>
      <button class="button" type="button" disabled={busy} onClick={anew}>{t(busy ? T.sending : T.conflict_new)}</button></p>
  </div>;
  return <div class="panel" role="alert">
    <h3 tabIndex={-1} ref={title}><Icon name="alert" />{t(T.waiting_title)}</h3>
    <p>{limited ? t(T.waiting_limit, { time: time(Date.now() + (error.retryAfter || 60) * 1000) }) : t(error.status ? T.waiting_server : T.waiting_network)}</p>
    <p class="actions"><button class="button quiet" type="button" disabled={busy} onClick={edit}>{t(T.edit)}</button>
      <button class="button" type="button" disabled={busy} onClick={send}>{t(busy ? T.sending : T.resend)}</button></p>
  </div>;
}
