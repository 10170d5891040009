/** Sends what needs a ticket; one that the service takes for spent or too old is replaced once. */

import type { ApiError } from "./api.ts";
import { refuses } from "./ui/refusal.tsx";
import type { Site } from "./site.ts";

export async function post<Answer>(
  { api, tickets }: Pick<Site, "api" | "tickets">,
  path: string,
  body: object
): Promise<Answer> {
  for (let again = false; ; again = true) {
    const ticket = await tickets.take();
    try {
      const answer = await api.send<Answer>(path, { ...body, ticket });
      // It was good for this.
      tickets.drop();
      return answer;
    } catch (thrown) {
      const error = thrown as ApiError;
      if (again || error.status !== 403 || refuses(error)) throw error;
      tickets.drop();
    }
  }
}
