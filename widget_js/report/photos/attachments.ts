/** The photos of a report: the queue, bound to this browser, and what the report asks of it. */

import { ApiError, type ErrorBody } from "../../shared/api.ts";
import type { Outcome } from "../send.ts";
import type { Photos, ReportSession } from "../session.ts";
import type { Photo as DraftPhoto, Values } from "../values.ts";
import { isTaken } from "./camera.tsx";
import { Queue, toDraft, type Photo } from "./queue.ts";
import { faultOf, LARGEST, locate, shrink } from "./shrink.ts";
import { Store } from "./store.ts";
import { upload } from "./upload.ts";

let count = 0;
const uniqueId = () => Date.now().toString(36) + "-" + count++;

export class Attachments implements Photos {
  readonly queue: Queue;
  private readonly retry = () => this.queue.retry();
  private readonly listeners = new Set<() => void>();
  private written = "";

  constructor(private readonly report: ReportSession) {
    const { api, config, tickets } = report.site;
    this.queue = new Queue({
      limit: config.limits.photos,
      take: () => tickets.take(),
      drop: () => tickets.drop(),
      upload: (...rest) => upload(`${api.site}/photos?lang=${report.site.options.lang}`, ...rest),
      isTaken,
      locate,
      shrink,
      store: new Store(() => this.storeName()),
      changed: lasting => this.changed(lasting),
      now: Date.now,
      id: uniqueId,
      refusal: (photo, isSmall) => this.refusal(photo, isSmall),
      later: (seconds, work) => {
        const timer = setTimeout(work, seconds * 1000);
        return () => clearTimeout(timer);
      }
    });
    addEventListener("online", this.retry);
  }

  add(files: Blob[]): void {
    this.queue.add(files);
  }

  restore(photos: DraftPhoto[]): void {
    this.queue.restore(photos);
    // What is only read is not written anew: the draft would be kept for another day.
    this.written = JSON.stringify(this.draft);
    if (this.queue.left) this.report.set(this.draft);
  }

  /** The name under which pictures may be stored: without a record of ours nobody would find and erase them. */
  private storeName(): string | undefined {
    const { report } = this;
    const { drafts } = report;
    // Another tab has it now: this draft moves.
    if (drafts.isStored && !drafts.isOurs) report.set({});
    report.write();
    return drafts.isOurs ? drafts.name : undefined;
  }

  storeAgain(): void {
    this.queue.storeAgain();
  }

  /** Calls back at every change, until what it returns is called. */
  follow(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Its place among all, as people count. */
  name(photo: Photo): string {
    return this.report.site.language.t("photo_name", { n: this.queue.photos.indexOf(photo) + 1 });
  }

  async sendWith(send: () => Promise<Outcome>): Promise<Outcome> {
    for (;;) {
      const before = this.queue.refused;
      const { length } = before;
      const erased = await this.queue.settled();
      // The form has begun anew and must not hear of this report.
      if (erased) return new Promise(() => undefined);
      const { refused } = this.queue;
      // Refused since the person sent the report: they may choose another one, or send it without.
      const late = refused[refused === before ? length : 0];
      const outcome: Outcome = late
        ? {
            state: "fields",
            error: new ApiError(422, { errors: [{ field: "photos", code: "", detail: late.reason }] })
          }
        : await send();
      if (late || outcome.state !== "fields" || !this.renew(outcome.error.body)) return outcome;
    }
  }

  stop(): void {
    removeEventListener("online", this.retry);
    this.queue.end();
  }

  /** Whether all that the service found wrong are photos it no longer knows, and they are on their way again. */
  private renew({ errors }: ErrorBody): boolean {
    const places = (errors || []).map(({ field }) => /^photos\.(\d+)$/.exec(field));
    return places.every(Boolean) && this.queue.renew(places.map(found => Number(found![1])));
  }

  private refusal(photo?: Blob, isSmall = false): string | undefined {
    const { t, number } = this.report.site.language;
    const fault = photo && faultOf(photo, isSmall);
    return !photo
      ? t("photo_refused")
      : fault === "large"
        ? t("photo_error_large", { n: number(LARGEST >> 20) })
        : fault && t("photo_error_type");
  }

  /** What the draft keeps of the photos. */
  private get draft(): Pick<Values, "photos" | "photoPlace"> {
    const { photos } = this.queue;
    const located = photos.find(({ place }) => place);
    return { photos: toDraft(photos), photoPlace: located ? located.place : null };
  }

  private changed(lasting: boolean): void {
    if (lasting) {
      const change = this.draft;
      const text = JSON.stringify(change);
      if (text !== this.written) this.report.set(change);
      this.written = text;
    }
    this.listeners.forEach(listener => listener());
  }
}

export const createPhotos = (report: ReportSession): Photos => new Attachments(report);
