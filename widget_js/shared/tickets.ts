/** Keeps one valid ticket at hand: challenge, proof of work and exchange run while the person is typing. */

import type { Api } from "./api.ts";
import { ApiError } from "./api.ts";
import { solve } from "./solver/solve.ts";

/**
 * A ticket lives two hours. Its age is measured here, since the clocks of phones are often wrong by more than that
 * against the `expires_at` of the server.
 */
const LIFETIME = 110 * 60_000;

export class Tickets {
  private current: Promise<{ ticket?: string; since: number }> | null = null;

  constructor(
    private readonly api: Pick<Api, "challenge" | "ticket">,
    private readonly now = Date.now
  ) {}

  /** Starts the work early; a failure shows when the ticket is needed, except the refusals it answers with. */
  prepare(): Promise<ApiError | null> {
    return this.take().then(
      () => null,
      (error: ApiError) => error
    );
  }

  /** undefined where the service runs without challenges. */
  async take(): Promise<string | undefined> {
    this.current = this.current || this.obtain();
    try {
      const { ticket, since } = await this.current;
      if (this.now() - since < LIFETIME) return ticket;
    } catch (error) {
      this.current = null;
      throw error;
    }
    this.drop();
    return this.take();
  }

  /** The service refused it: the next one is fresh. */
  drop(): void {
    this.current = null;
  }

  private async obtain(): Promise<{ ticket?: string; since: number }> {
    const challenge = await this.api.challenge();
    if (!challenge.challenge) return { since: this.now() };
    const solution = await solve(challenge);
    if (!solution) throw new ApiError(500);
    const { ticket } = await this.api.ticket(solution);
    return { ticket, since: this.now() };
  }
}
