/** One attempt to send a report, so that whatever happens on the way there is never more than one of it. */

import { ApiError, type Api } from "../shared/api.ts";
import type { Receipt, Report } from "../shared/contract.ts";
import type { Tickets } from "../shared/tickets.ts";
import { refuses } from "../shared/ui/refusal.tsx";
import { contentOf, type Draft } from "./values.ts";

/** `earlier`: what arrived is the version sent before the last changes. */
export type ReceivedOutcome = { state: "received"; receipt: Receipt; earlier?: boolean };
export type Outcome =
  | ReceivedOutcome
  /** Kept and to be sent again: the network, the server, or too many reports. */
  | { state: "waiting"; error: ApiError }
  /** A report with this key arrived earlier and its text differs from this one. */
  | { state: "conflict" }
  | { state: "fields"; error: ApiError }
  | { state: "refused"; error: ApiError };

export const waits = ({ status }: ApiError): boolean => [0, 408, 429].includes(status) || status >= 500;

/**
 * `draft.sent` is the report that may have arrived; `remember` keeps it. It is repeated as it was while nothing was
 * changed; when the person did change something, the changed one goes first, and if the key turns out to be used, the
 * old one is repeated: its answer is the receipt that got lost.
 */
export async function attempt(
  api: Pick<Api, "submit">,
  tickets: Pick<Tickets, "take" | "drop">,
  draft: Draft,
  report: Report,
  remember: (sent: Report | undefined) => void
): Promise<Outcome> {
  const before = draft.sent;
  const current = before && contentOf(before) === contentOf(report) ? before : report;
  try {
    const receipt = await post(current);
    return { state: "received", receipt };
  } catch (thrown) {
    const outcome = classify(thrown as ApiError);
    if (outcome.state === "conflict" && before && before !== current)
      return post(before).then(receipt => ({ state: "received", receipt, earlier: true }), classify);
    // A refusal proves that this report was not stored; only then may it be forgotten.
    if (!before && outcome.state !== "waiting") remember(undefined);
    return outcome;
  }

  async function post(body: Report): Promise<Receipt> {
    for (let fresh = false; ; fresh = true) {
      const ticket = await tickets.take();
      if (!before) remember(body);
      try {
        return await api.submit(ticket ? { ...body, ticket } : body, draft.id);
      } catch (thrown) {
        const error = thrown as ApiError;
        // The service looks the key up before the ticket, so a refused ticket means: not stored yet.
        if (fresh || error.status !== 403 || refuses(error)) throw error;
        tickets.drop();
      }
    }
  }
}

function classify(error: ApiError): Outcome {
  if (error.body.code === "idempotency_key_reused") return { state: "conflict" };
  if (waits(error)) return { state: "waiting", error };
  // Without a field that it could stand at, the answer is shown as a whole.
  return { state: error.status === 422 && (error.body.errors || [])[0] ? "fields" : "refused", error };
}
