/** The way of the report from the button to its number: tries, waits, and goes on after a reload. */

import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../shared/api.ts";
import { emit } from "../shared/emit.ts";
import { reportFailure } from "../shared/telemetry.ts";
import { refuses } from "../shared/ui/refusal.tsx";
import { useSite } from "../shared/site.ts";
import { randomKey } from "../shared/key.ts";
import type { Drafts } from "./draft.ts";
import type { Draft } from "./values.ts";
import { attempt, type Outcome } from "./send.ts";
import { report } from "./values.ts";

/** `from`: the report was waiting and is being sent again. */
export type Held = Extract<Outcome, { state: "waiting" }>;
export type Sending = Outcome | { state: "editing" } | { state: "sending"; from?: Held | undefined };

export function useSending(
  drafts: Drafts,
  latest: RefObject<Draft>,
  keep: (draft: Draft) => void,
  wrong: (error: ApiError) => void
) {
  const { api, tickets, config, options, host } = useSite();
  const [sending, setSending] = useState<Sending>(() =>
    latest.current!.since ? { state: "waiting", error: new ApiError(0) } : { state: "editing" }
  );
  const [refused, setRefused] = useState<ApiError | null>(null);

  // The proof of work runs while the person types; a refusal of this place shows before anything is typed.
  useLayoutEffect(() => {
    void tickets.prepare().then(error => error && refuses(error) && setRefused(error));
  }, [tickets]);

  /** What had the focus when the wait began. */
  const from = useRef<Element | null>(null);
  const focused = () => host.shadowRoot!.activeElement;
  /** The person has not gone on to something else: the focus is where it was, or has gone with what was there. */
  const there = () => [null, from.current].includes(focused());
  /** What a report hangs on is written down at once. */
  const save = (draft: Draft) => {
    keep(draft);
    drafts.write();
  };

  async function send() {
    from.current = focused();
    setSending(now => ({ state: "sending", from: now.state === "waiting" ? now : undefined }));
    const post = () => {
      const draft = latest.current!;
      // Consent is never stored: without it, this is the report that waited through a reload, as it was agreed to.
      const body = draft.values.consent || !draft.waits ? report(config, draft.values, options.lang) : draft.waits;
      save({ ...draft, waits: body, since: draft.since || Date.now() });
      // What is typed meanwhile stays.
      return attempt(api, tickets, latest.current!, body, ({ sent }) => save({ ...latest.current!, sent }));
    };
    const outcome = await (drafts.photos ? drafts.photos.before(post) : post());
    if (outcome.state === "received") {
      drafts.erase();
      // It was good for this report.
      tickets.drop();
      const { number, status, answer_due } = outcome.receipt;
      emit(host, "submitted", { number, status, answer_due });
    } else {
      if (outcome.state !== "waiting") pause();
      const error = "error" in outcome ? outcome.error : null;
      emit(host, "error", { status: error && error.status, code: (error && error.body.code) || outcome.state });
      if (outcome.state === "refused") reportFailure(options, "send");
      if (outcome.state === "fields") {
        wrong(outcome.error);
        return edit();
      }
      // The next try, if the person wants one, is a report of its own.
      if (outcome.state === "conflict") save({ ...latest.current!, id: randomKey(), sent: undefined });
      if (outcome.state === "refused" && refuses(outcome.error)) setRefused(outcome.error);
    }
    setSending(outcome);
  }
  /** From now on it goes only when the person says so. */
  const pause = () => save({ ...latest.current!, since: undefined, waits: undefined });
  const edit = () => {
    pause();
    setSending({ state: "editing" });
  };
  return { sending, refused, there, send: () => void send(), edit };
}
