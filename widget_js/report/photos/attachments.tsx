/** The photos of a site's form: the queue, bound to this browser, and what the form asks of it. */

import { ApiError } from "../../shared/api.ts";
import type { ErrorBody } from "../../shared/api.ts";
import type { Drafts, Photos } from "../draft.ts";
import type { SectionProps } from "../section.ts";
import type { Outcome } from "../send.ts";
import type { Site } from "../../shared/site.ts";
import { kept, Queue, type Photo } from "./queue.ts";
import { locate, shrink } from "./shrink.ts";
import { Store } from "./store.ts";
import { upload } from "./upload.ts";
import { Waiting } from "./waiting.tsx";

/** Files that say what they are and are no picture that the service takes; HEIC often says nothing. */
const UNFIT = /^(?!image\/(jpeg|png|webp|hei[cf])$|application\/octet-stream$)./;
const LARGEST = 10 * 1024 * 1024;

let count = 0;
const uniqueId = () => Date.now().toString(36) + "-" + count++;

export class Attachments implements Photos {
  readonly queue: Queue;
  readonly Waiting = () => <Waiting photos={this} />;
  /** How many of the last ones found no room. */
  left = 0;
  private readonly retry = () => this.queue.retry();
  private readonly listeners = new Set<() => void>();
  private remembered = "";
  private site!: Site;
  private set!: SectionProps["set"];

  constructor({ api, config, tickets }: Site, drafts: Drafts) {
    this.queue = new Queue({
      limit: config.limits.photos,
      take: () => tickets.take(),
      drop: () => tickets.drop(),
      upload: (...rest) => upload(`${api.site}/photos?lang=${this.site.options.lang}`, ...rest),
      locate,
      shrink,
      store: new Store(drafts.name),
      changed: lasting => this.changed(lasting),
      now: Date.now,
      id: uniqueId,
      refusal: photo => this.refusal(photo),
      later: (seconds, work) => {
        const timer = setTimeout(work, seconds * 1000);
        return () => clearTimeout(timer);
      }
    });
    addEventListener("online", this.retry);
  }

  /** The form as it is now: another language or another drawing of it takes the place of the one before. */
  join(site: Site, { set }: SectionProps): void {
    this.site = site;
    this.set = set;
  }

  add(files: Blob[]): void {
    this.left = this.queue.add(files);
    this.changed(false);
  }

  remove(photo: Photo): void {
    this.left = 0;
    this.queue.remove(photo);
  }

  /** Calls back at every change, until what it returns is called. */
  follow(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  /** Its place among all, as people count. */
  name(photo: Photo): string {
    return this.site.language.t("photo_name", { n: this.queue.photos.indexOf(photo) + 1 });
  }

  async before(send: () => Promise<Outcome>): Promise<Outcome> {
    for (;;) {
      const erased = await this.queue.settled();
      // The form has begun anew and must not hear of this report.
      if (erased) return new Promise(() => undefined);
      const failed = this.queue.failed();
      const outcome: Outcome = failed
        ? {
            state: "fields",
            error: new ApiError(422, { errors: [{ field: "photos", code: "", detail: failed.reason! }] })
          }
        : await send();
      if (outcome.state !== "fields" || !this.renew(outcome.error.body)) return outcome;
    }
  }

  stop(): void {
    removeEventListener("online", this.retry);
    this.queue.abort();
  }

  clear(): void {
    this.remembered = "";
    this.queue.clear();
  }

  /** Whether all that the service found wrong are photos it no longer knows, and they are on their way again. */
  private renew({ errors }: ErrorBody): boolean {
    const places = (errors || []).map(({ field }) => /^photos\.(\d+)$/.exec(field));
    return places.every(Boolean) && this.queue.renew(places.map(found => Number(found![1])));
  }

  /** Why a photo cannot be taken, as far as that shows here; without one: what to say where the service does not. */
  private refusal(photo?: Blob): string | undefined {
    const { t, number } = this.site.language;
    return !photo
      ? t("photo_refused")
      : UNFIT.test(photo.type)
        ? t("photo_error_type")
        : photo.size > LARGEST
          ? t("photo_error_large", { n: number(LARGEST >> 20) })
          : undefined;
  }

  private changed(lasting: boolean): void {
    const { photos } = this.queue;
    if (lasting) {
      const located = photos.find(({ place }) => place);
      const change = { photos: kept(photos), photoPlace: located ? located.place : null };
      const text = JSON.stringify(change);
      if (text !== this.remembered) this.set(change);
      this.remembered = text;
    }
    this.listeners.forEach(listener => listener());
  }
}

/** Those of the site, made once: they outlive the section, which a phone shows for a step only. */
export function attachments(site: Site, props: SectionProps): Attachments {
  const { drafts } = props;
  const there = drafts.photos as Attachments | undefined;
  const photos = there || new Attachments(site, drafts);
  drafts.photos = photos;
  photos.join(site, props);
  if (!there) photos.queue.restore(props.values.photos);
  return photos;
}
