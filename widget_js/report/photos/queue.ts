/**
 * The photos of one report: each is made small, kept, uploaded and tried again by itself; nothing here knows a
 * browser.
 */

import type { ReportLocation } from "../../shared/contract.ts";
import type { Photo as DraftPhoto } from "../values.ts";
import type { Failure, Received } from "./upload.ts";

/** `paused`: the service has no room for photos; the report goes without. */
export type State = "preparing" | "waiting" | "sending" | "done" | "paused";

/** With what the draft keeps of it; the picture itself lies in the store under `id`. */
export interface Photo extends DraftPhoto {
  state: State;
  /** Of its file. */
  name?: string | undefined;
  /** What goes up; absent while a draft is being restored. */
  blob?: Blob;
  /** Share that has left, 0 to 1. */
  sent: number;
  /** Why it is left out, in the words of the service. */
  reason?: string;
  /** The network, not the service, is what it waits for. */
  offline?: boolean;
  /** It was taken a moment ago, and not chosen among those that were there. */
  isTaken?: boolean;
}

/** A file that was not taken: it has no place among the photos. */
export interface Refusal {
  name?: string | undefined;
  reason: string;
}

export interface World {
  limit: number;
  take(): Promise<string | undefined>;
  drop(): void;
  upload(
    photo: Blob,
    ticket: string | undefined,
    progress: (share: number) => void,
    signal: AbortSignal
  ): Promise<Received>;
  isTaken(photo: Blob): boolean;
  locate(photo: Blob): Promise<ReportLocation | undefined>;
  shrink(photo: Blob): Promise<Blob>;
  store: {
    put(id: string, photo: Blob): Promise<unknown>;
    get(id: string): Promise<Blob | undefined>;
    remove(id: string): Promise<unknown>;
  };
  /**
   * Why a photo cannot be taken, as far as that shows here, before or after it was made small; without one: what to say
   * where the service does not.
   */
  refusal(photo?: Blob, isSmall?: boolean): string | undefined;
  /** Something to draw; `lasting`: and to keep. */
  changed(lasting: boolean): void;
  now(): number;
  id(): string;
  /** Calls back after so many seconds; what it returns calls that off. */
  later(seconds: number, work: () => void): () => void;
}

/** A token lives for 24 hours; the last one is left to whoever writes slowly. */
const FRESH = 23 * 3_600_000;
/** Seconds until the next try; the last one repeats. */
const PAUSES = [2, 5, 15, 30, 60];

const GONE: Failure = { status: 0, body: {} };

interface Work {
  control: AbortController;
  tries: number;
  renewed?: boolean;
  stop?: () => void;
}

export class Queue {
  photos: Photo[] = [];
  /** What was not taken of the last choice. */
  refused: Refusal[] = [];
  /** How many of it found no room. */
  left = 0;
  /** The device could not keep a picture: closing the tab loses it. */
  volatile = false;
  private readonly works = new Map<Photo, Work>();
  /** Pictures are made small one after the other: the memory of a phone holds one of them. */
  private chain: Promise<unknown> = Promise.resolve();
  private isStopped = false;
  private waiting: ((erased: boolean) => void)[] = [];

  constructor(private readonly world: World) {}

  /** Takes as many as there is room for; a file that is refused needs none. */
  add(files: Blob[]): void {
    this.refused = [];
    this.left = 0;
    for (const blob of files) {
      const { name } = blob as Partial<File>;
      const reason = this.world.refusal(blob);
      if (reason) this.refused.push({ name, reason });
      else if (this.photos.length >= this.world.limit) this.left++;
      else {
        const isTaken = this.world.isTaken(blob);
        const photo: Photo = { id: this.world.id(), name, state: "preparing", blob, sent: 0, alt: "", isTaken };
        this.photos.push(photo);
        this.enqueue(() => this.prepare(photo));
      }
    }
    this.changed(true);
  }

  /**
   * Puts the photos of a draft in the place of all: uploaded ones stay so while their token is fresh. Those that were
   * here are forgotten; what the draft holds of them is the draft's to erase. A draft that was made of what another
   * application has shared may hold more than there is room for.
   */
  restore(photos: DraftPhoto[]): void {
    this.abort();
    const { limit, store } = this.world;
    const rest = photos.slice(limit);
    this.photos = photos.slice(0, limit).map(photo => ({ ...photo, state: "preparing", sent: 0 }));
    this.refused = [];
    this.left = rest.length;
    this.volatile = false;
    this.waiting.splice(0).forEach(resolve => resolve(true));
    this.world.changed(false);
    for (const photo of this.photos)
      this.enqueue(async () => {
        photo.blob = await this.world.store.get(photo.id).catch(() => undefined);
        if (!this.has(photo)) return;
        if (!photo.blob) return this.remove(photo);
        if (photo.token && this.world.now() - photo.uploadedAt! < FRESH) {
          photo.state = "done";
          photo.sent = 1;
          this.changed(true);
        } else void this.send(photo);
      });
    for (const { id } of rest) this.enqueue(() => store.remove(id).catch(() => undefined));
  }

  remove(photo: Photo): void {
    this.left = 0;
    this.photos = this.photos.filter(one => one !== photo);
    this.stop(photo);
    // First: where another tab has gone on with the record, the draft moves, and that tab keeps the picture.
    this.changed(true);
    void this.world.store.remove(photo.id).catch(() => undefined);
  }

  /** Tries again now: one photo, or all that wait (the network is back). */
  retry(which = this.photos.filter(({ state }) => state === "waiting")): void {
    which.forEach(photo => void this.send(photo));
  }

  /** Stops for good; a draft brings everything back. */
  end(): void {
    this.isStopped = true;
    this.abort();
  }

  /** Stores all pictures again: the draft has moved. */
  storeAgain(): void {
    for (const { id, blob } of this.photos) if (blob) this.world.store.put(id, blob).catch(() => undefined);
  }

  describe(photo: Photo, alt: string): void {
    photo.alt = alt;
    this.changed(true);
  }

  /** Until no photo is on its way any more; true where they were forgotten meanwhile. */
  settled(): Promise<boolean> {
    return this.busy() ? new Promise(resolve => this.waiting.push(resolve)) : Promise.resolve(false);
  }

  busy(): boolean {
    return this.unfinished().length > 0;
  }

  unfinished(): Photo[] {
    return this.photos.filter(({ state }) => !["done", "paused"].includes(state));
  }

  /** The service no longer knows the photos at these places: uploads them again, once; false where that is no use. */
  renew(places: number[]): boolean {
    const known = this.photos.filter(({ token }) => token);
    const lost = places.map(place => known[place]);
    return (
      lost.length > 0 &&
      lost.every(photo => {
        const work = photo && this.works.get(photo);
        if (!photo || (work && work.renewed)) return false;
        void this.send(photo, true);
        return true;
      })
    );
  }

  private has(photo: Photo): boolean {
    return this.photos.includes(photo);
  }

  private enqueue(work: () => Promise<unknown>): void {
    this.chain = this.chain.then(() => this.isStopped || work());
  }

  private async prepare(photo: Photo): Promise<void> {
    if (!this.has(photo)) return;
    photo.place = await this.world.locate(photo.blob!).catch(() => undefined);
    if (photo.place && this.has(photo)) this.changed(true);
    const small = await this.world.shrink(photo.blob!);
    if (!this.has(photo)) return;
    photo.blob = small;
    const reason = this.world.refusal(small, true);
    if (reason) return this.refuse(photo, reason);
    await this.world.store.put(photo.id, small).catch(() => {
      this.volatile = true;
    });
    if (this.has(photo)) void this.send(photo);
    // Removed while it was being written.
    else void this.world.store.remove(photo.id).catch(() => undefined);
  }

  private async send(photo: Photo, renewed?: boolean): Promise<void> {
    if (this.isStopped) return;
    const before = this.works.get(photo);
    this.stop(photo);
    const work: Work = {
      control: new AbortController(),
      tries: before ? before.tries : 0,
      renewed: renewed || (!!before && before.renewed)
    };
    this.works.set(photo, work);
    Object.assign(photo, { state: "sending", sent: 0, token: undefined, reason: undefined });
    this.changed(true);
    const { signal } = work.control;
    try {
      const { photo: token, thumb, location } = await this.post(photo, signal);
      if (signal.aborted) return;
      work.tries = 0;
      Object.assign(photo, {
        state: "done",
        sent: 1,
        token,
        thumb,
        place: location || photo.place,
        uploadedAt: this.world.now()
      });
      this.changed(true);
    } catch (thrown) {
      if (signal.aborted) return;
      const { status, body } = thrown as Failure;
      if (status && status !== 408 && status !== 429 && status < 500)
        return this.refuse(photo, body.detail || this.world.refusal()!);
      if (body.code === "photos_paused") {
        Object.assign(photo, { state: "paused", reason: body.detail });
        return this.changed(true);
      }
      const pause = PAUSES[Math.min(work.tries++, PAUSES.length - 1)]!;
      Object.assign(photo, { state: "waiting", offline: !status });
      work.stop = this.world.later(Math.max(pause, body.retry_after || 0), () => this.retry([photo]));
      this.changed(false);
    }
  }

  /** A ticket that is refused is replaced once. */
  private async post(photo: Photo, signal: AbortSignal): Promise<Received> {
    for (let fresh = false; ; fresh = true) {
      const ticket = await this.world.take();
      try {
        // Removed while the ticket was made.
        if (signal.aborted) throw GONE;
        return await this.world.upload(
          photo.blob!,
          ticket,
          share => {
            photo.sent = share;
            this.world.changed(false);
          },
          signal
        );
      } catch (thrown) {
        const { status, body } = thrown as Failure;
        if (fresh || signal.aborted || status !== 403 || body.code === "origin_not_registered") throw thrown;
        this.world.drop();
      }
    }
  }

  private refuse(photo: Photo, reason: string): void {
    this.refused.push({ name: photo.name, reason });
    this.remove(photo);
  }

  private abort(): void {
    this.photos.forEach(photo => this.stop(photo));
  }

  private stop(photo: Photo): void {
    const work = this.works.get(photo);
    if (!work) return;
    work.control.abort();
    if (work.stop) work.stop();
  }

  private changed(lasting: boolean): void {
    this.world.changed(lasting);
    if (!this.busy()) this.waiting.splice(0).forEach(resolve => resolve(false));
  }
}

/** What the draft keeps and the report takes along. */
export const toDraft = (photos: Photo[]): DraftPhoto[] =>
  photos.map(({ id, token, alt, uploadedAt, thumb, place }) => ({ id, token, alt, uploadedAt, thumb, place }));
