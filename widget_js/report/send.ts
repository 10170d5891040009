/** One attempt to send a report, so that whatever happens on the way there is never more than one of it. */

import { ApiError, type Api } from "../shared/api.ts";
import type { Receipt, Report } from "../shared/contract.ts";
import type { Tickets } from "../shared/tickets.ts";
import { json } from "../shared/json.ts";
import type { Draft } from "./values.ts";

export type Outcome =
  /** `earlier`: what arrived is the version sent before the last changes. */
  | { state: "received"; receipt: Receipt; earlier?: boolean }
  /** Kept and to be sent again: the network, the server, or too many reports. */
  | { state: "waiting"; error: ApiError }
  /** A report with this key arrived earlier and its text differs from this one. */
  | { state: "conflict" }
  | { state: "fields"; error: ApiError }
  | { state: "refused"; error: ApiError };

export const waits = ({ status }: ApiError): boolean => [0, 408, 429].includes(status) || status >= 500;

/** What the person said is the same; where and how it is sent may differ. */
const same = (...two: Report[]): boolean => {
  const [one, other] = two.map(report => json({ ...report, lang: "", page_url: "" }));
  return one === other;
};

/**
 * `draft.sent` remembers the report that may have arrived. It is repeated as it was while nothing was changed; when the
 * person did change something, the changed one goes first, and if the key turns out to be used, the old one is
 * repeated: its answer is the receipt that got lost.
 */
export async function attempt(
  api: Pick<Api, "submit">,
  tickets: Pick<Tickets, "take" | "drop">,
  draft: Draft,
  report: Report,
  save: (draft: Draft) => void
): Promise<Outcome> {
  const before = draft.sent;
  const current = before && same(before, report) ? before : report;
  try {
    const receipt = await post(current);
    return { state: "received", receipt };
  } catch (thrown) {
    const error = thrown as ApiError;
    if (error.body.code === "idempotency_key_reused") {
      if (!before || before === current) return { state: "conflict" };
      try {
        return { state: "received", receipt: await post(before), earlier: true };
      } catch (second) {
        return (second as ApiError).body.code === "idempotency_key_reused"
          ? { state: "conflict" }
          : classify(second as ApiError);
      }
    }
    // A refusal proves that this report was not stored; only then may it be forgotten.
    if (!waits(error) && !before) save({ ...draft, sent: undefined });
    return classify(error);
  }

  async function post(body: Report): Promise<Receipt> {
    for (let fresh = false; ; fresh = true) {
      const ticket = await tickets.take();
      if (!before) save({ ...draft, sent: body });
      try {
        return await api.submit(ticket ? { ...body, ticket } : body, draft.id);
      } catch (thrown) {
        const error = thrown as ApiError;
        // The service looks the key up before the ticket, so a refused ticket means: not stored yet.
        if (fresh || error.status !== 403 || error.body.code === "origin_not_registered") throw error;
        tickets.drop();
      }
    }
  }
}

function classify(error: ApiError): Outcome {
  if (waits(error)) return { state: "waiting", error };
  return { state: error.status === 422 ? "fields" : "refused", error };
}
