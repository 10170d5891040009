/**
 * The only file that calls the network, but for photos that tell how far they are (photos/upload.ts): addresses,
 * answers and failures of the service's API.
 */

import type { Challenge, Configuration, Error as Refused, Receipt, Report, Ticket } from "./contract.ts";
import type { Solved } from "./solver/solve.ts";
import type { First } from "../loader/host.ts";
import { json } from "./json.ts";
import { expire, READING, SENDING } from "../loader/timeouts.ts";

/** Written in by the build: the release, as the challenge is asked for. */
declare const VERSION: string;

/** What a proxy in between answers has none of it. */
export type ErrorBody = Partial<Refused>;

/** status 0: no answer came, so nobody knows whether the request arrived. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly body: ErrorBody = {}
  ) {
    super(body.detail || `status ${status}`);
  }

  /** No assignment: a page that freezes Error.prototype makes it throw. */
  override get name(): string {
    return "ApiError";
  }
}

async function read<T>(response: Response): Promise<T> {
  const body = await response.json().catch(() => null);
  if (response.ok) {
    if (body === null) throw new ApiError(0);
    return body as T;
  }
  throw new ApiError(response.status, body || {});
}

/** Ends with its time, or with the signal. */
async function call<T>(address: string, init: RequestInit): Promise<T> {
  const { signal } = init;
  const control = new AbortController();
  const abort = () => control.abort();
  const timer = setTimeout(abort, init.method ? SENDING : READING);
  if (signal) {
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
  }
  try {
    return await read<T>(await fetch(address, { credentials: "omit", ...init, signal: control.signal }));
  } catch (error) {
    throw error instanceof ApiError ? error : new ApiError(0);
  } finally {
    clearTimeout(timer);
    if (signal) signal.removeEventListener("abort", abort);
  }
}

/** Bound to one site. Answers that are on their way already are used once; asking again goes to the network. */
export class Api {
  constructor(
    readonly site: string,
    private readonly requested: (First[0] | undefined)[] = [],
    private readonly control?: AbortController,
    /** Of the widget: ends what has no signal of its own; those of views end with the widget too. */
    private readonly destroyed?: AbortSignal
  ) {}

  /** `path` is below the site's address. */
  async get<T>(path: string, index = 2, init?: RequestInit): Promise<T> {
    const [first] = this.requested.splice(index, 1, undefined);
    // Whoever has waited so long is told, and may ask again.
    const response =
      first &&
      (await expire(first).catch(() => {
        this.control!.abort();
        throw new ApiError(0);
      }));
    // An attribute may have changed between the click and the arrival of this code. The loader asks with a shared
    // address as it stands: the problem it opens is none of the list's business, and the service lets it pass.
    return response && response.url.replace(/&?problem=\d+$/, "") === this.site + path
      ? read<T>(response)
      : this.call<T>(path, init);
  }

  config(lang: string): Promise<Configuration> {
    return this.get("?lang=" + lang, 0);
  }

  challenge(): Promise<Challenge> {
    return this.get("/challenge" + VERSION, 1);
  }

  /** Tells the service that the city was looked at here; it answers without a word, or refuses the page. */
  seen(): Promise<never> {
    return this.get("/challenge" + VERSION + "&seen");
  }

  ticket(solution: Solved): Promise<Ticket> {
    return this.send("/tickets", { challenge: btoa(json(solution)) });
  }

  submit(report: Report, key: string): Promise<Receipt> {
    return this.send("/problems", report, { "Idempotency-Key": key });
  }

  send<T>(path: string, body: unknown, headers: Record<string, string> = {}): Promise<T> {
    return this.call(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: json(body)
    });
  }

  private call<T>(path: string, init?: RequestInit): Promise<T> {
    return call(this.site + path, { signal: this.destroyed || null, ...init });
  }
}
