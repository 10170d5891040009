/**
 * The report of one widget and site, outside Preact: what is typed, its photos, its way to the service. The form
 * renders from it.
 */

import type { Near } from "../shared/contract.ts";
import { emit, outer } from "../loader/host.ts";
import { ApiError } from "../shared/api.ts";
import { getPosition } from "../shared/geolocation.ts";
import { randomKey } from "../shared/key.ts";
import type { Site } from "../shared/site.ts";
import { Store } from "../shared/store.ts";
import { reportFailure } from "../shared/telemetry.ts";
import { refuses } from "../shared/ui/refusal.tsx";
import { Drafts } from "./drafts.ts";
import { attempt, type Outcome } from "./send.ts";
import { fromService, REVIEW, stepOf, validate, type FieldError } from "./validate.ts";
import {
  askedContacts,
  CONTACTS,
  contacts,
  coordinates,
  empty,
  report,
  type Contacts,
  type Draft,
  type Photo,
  type Point,
  type Values
} from "./values.ts";

/** Milliseconds of rest before what is being typed is written down. */
const REST = 400;
/** Seconds until a waiting report is sent again: the first time, and at most. */
const PAUSE = 5,
  LONGEST_PAUSE = 60;

/** Without an error nothing has failed yet: it waited through a reload. */
export type WaitingReport = { state: "waiting"; error?: ApiError };
/** `from`: the report was waiting and is being sent again. `isPosted`: itself, and no more its photos alone. */
export type Sending =
  | Outcome
  | WaitingReport
  | { state: "editing" }
  | { state: "sending"; from?: WaitingReport | undefined; isPosted?: true };

/** How the device answers when it is asked where it is, or what else told the place; `accuracy` in metres. */
export interface Position {
  state?: "asked" | "found" | "denied" | "failed" | "outside" | "photo" | "house";
  accuracy?: number;
  /** Where the device is outside of the site's territory. */
  from?: Point;
}

/** What the page may fill in beforehand. */
export interface Prefill {
  category?: string | undefined;
  description?: string | undefined;
  address?: string | undefined;
  lat?: number | string | undefined;
  lng?: number | string | undefined;
}

/** What the chunk of the photos does for the report, once it is there. */
export interface Photos {
  add(files: Blob[]): void;
  /** Sends the report when all of them are there, and again where some had to be uploaded anew. */
  sendWith(send: () => Promise<Outcome>): Promise<Outcome>;
  /** Puts those of another draft in the place of all. */
  restore(photos: Photo[]): void;
  /** Stores all pictures again, under the name that the record has now. */
  storeAgain(): void;
  /** Stops what runs; the pictures stay in the draft. */
  stop(): void;
}

/** What the chunk of unsent reports does for the form, once it is there. */
export interface Unsent {
  /**
   * Where nothing is written yet: goes on with what goes on by itself, a report that waits, whatever page it is from,
   * or, where `isReturn`, the draft of this page and tab. Else offers an unsent report of this page.
   */
  look(isReturn: boolean): void;
}

export class ReportSession extends Store {
  // What `begin` and `show` set has no value here.
  draft!: Draft;
  /** The draft is that of an earlier visit; `sent`: nobody knows whether it has arrived. */
  restored: "draft" | "sent" | undefined;
  unsent: Unsent | undefined;
  /** The known problem that got a voice instead of this report, while that is told. */
  joined: Near | undefined;
  /** Reports are stored, and the chunk that reads them is on its way. */
  isSearching = false;
  errors!: FieldError[];
  /** The errors came when the person was busy elsewhere: they are announced instead of focused. */
  isAnnounced = false;
  /** The errors stand together above the form: there were several, or they are announced. */
  isSummarised = false;
  sending!: Sending;
  /** Why the service takes no report from this page at all. */
  refused: ApiError | undefined;
  position!: Position;
  photos: Photos | undefined;
  /** Each moves the focus: to the heading of what has come, to the summary of the errors. */
  moves = 0;
  failures = 0;
  /** Set by the form: whether the focus is where it was when the report was sent, or has gone with what had it. */
  isFocusKept: () => boolean = () => true;
  /** Set by the form: fetches the chunk of the photos and attaches it. */
  loadPhotos: () => Promise<unknown> = () => Promise.resolve();

  readonly drafts: Drafts;
  page!: string;
  private isReturn!: boolean;
  /** What the page wants filled in once it is known with which draft the form begins. */
  private wanted!: Prefill;
  /** Files that were chosen before the chunk of the photos came. */
  private files!: Blob[];
  /** Whoever mends something goes back to the review. */
  private isReviewed!: boolean;
  private unwritten?: ReturnType<typeof setTimeout> | undefined;
  private retry?: ReturnType<typeof setTimeout> | undefined;
  private tries!: number;
  /** Ends the question to the device. */
  private locating = new AbortController();
  /** The delivery of the present draft; that of an erased one ends without effect. */
  private delivery?: object | undefined;

  constructor(public site: Site) {
    super();
    const { session, tickets } = site;
    this.drafts = new Drafts(site.options.key);
    this.begin(true);
    document.addEventListener("visibilitychange", this.write);
    addEventListener("online", this.sendAgain);
    session.destroyed.addEventListener("abort", this.end);
    // The proof of work runs while the person types; a refusal of this place shows before anything is typed.
    void tickets.prepare().then(error => {
      if (!error || !refuses(error) || this.isDestroyed) return;
      this.refused = error;
      this.changed();
    });
  }

  get isBusy(): boolean {
    return this.sending.state === "sending";
  }

  /** The report itself is on its way, which nobody can take back. */
  get isPosting(): boolean {
    return "isPosted" in this.sending;
  }

  private get isDestroyed(): boolean {
    return this.site.session.destroyed.aborted;
  }

  /** The form can be seen: now, after it was closed, or on another page of an application. */
  open(): void {
    this.site.session.closed().addEventListener("abort", this.rest);
    const isIdle = ["editing", "received"].includes(this.sending.state);
    if (isIdle && this.page !== this.pageNow()) this.begin(true);
    else this.look(false);
    this.changed();
  }

  // --- what is typed ---

  readonly set = (given: Partial<Values>): void => {
    if ("coordinates" in given) this.stopLocating();
    const { written, values } = this.draft;
    this.save({ written: [...new Set([...written, ...Object.keys(given)])], values: { ...values, ...given } });
    this.errors = this.errors.filter(
      ({ control }) => !(control.split(".")[0]! in given) && !(control === "address" && "coordinates" in given)
    );
    this.changed();
  };

  /** Fills in what the page knows, where the person has written nothing. Address and point are one place. */
  prefill(wanted: Prefill): void {
    this.wanted = wanted;
    const { category, description, address, lat, lng } = wanted;
    if (this.sending.state === "received") this.begin();
    if (this.sending.state !== "editing") return;
    const { step, written, values } = this.draft;
    const isFree = (...names: (keyof Values)[]) => !names.some(name => written.includes(name));
    const given: Partial<Values> = {};
    if (category && isFree("category") && this.site.config.categories.some(({ code }) => code === category))
      given.category = category;
    if (description && isFree("description")) given.description = description;
    const place = `${lat}, ${lng}`;
    const point = coordinates(place) && place;
    if ((address || point) && isFree("address", "coordinates")) {
      Object.assign(given, { address: address || "", coordinates: point || "" });
      this.stopLocating();
    }
    this.draft = { ...this.draft, step: step || +!!given.category, values: { ...values, ...given } };
    this.changed();
  }

  /** Tells which section the person is in. */
  enter(step: number): void {
    if (step === this.draft.step) return;
    this.draft = { ...this.draft, step };
    this.write();
    this.changed();
  }

  /** Leads to a step. */
  go(step: number): void {
    this.save({ step });
    this.write();
    this.moveFocus();
  }

  /** Moves the focus to the heading of what has come. */
  moveFocus(): void {
    this.moves++;
    this.changed();
  }

  validate(values: Values): FieldError[] {
    return validate(this.site.config, values);
  }

  /** Goes on from a step or, from the last one, sends. */
  proceed(isLast: boolean): void {
    if (this.isBusy) return;
    const asked = askedContacts(this.site);
    const hidden = CONTACTS.filter(name => this.draft.values[name] && !asked.includes(name));
    if (hidden.length) this.set(Object.fromEntries(hidden.map(name => [name, ""])));
    const { step, values } = this.draft;
    const found = this.validate(values);
    const errors = isLast ? found : found.filter(({ control }) => stepOf(control) === step);
    if (errors.length) return this.fail(errors);
    this.errors = [];
    if (isLast) return void this.send();
    if (step + 1 === REVIEW) this.isReviewed = true;
    this.go(this.isReviewed ? REVIEW : step + 1);
  }

  // --- where it is ---

  /**
   * Asks the device. What the person does about the place meanwhile is better. `isOffer`: it was not the person's idea,
   * and a refusal is no failure to speak of.
   */
  locate(isOffer?: boolean): void {
    this.locating.abort();
    this.locating = new AbortController();
    this.position = { state: "asked" };
    this.changed();
    getPosition(this.locating.signal, { enableHighAccuracy: true }).then(
      ({ coords: { latitude, longitude, accuracy } }) =>
        this.put({ lat: latitude, lng: longitude }, { state: "found", accuracy: accuracy || 1 }),
      ({ code }) => {
        this.position = code !== 1 ? { state: "failed" } : isOffer ? {} : { state: "denied" };
        this.changed();
      }
    );
  }

  /** Puts the pin there, or takes it away. */
  put(to: Point | null, position: Position = {}): void {
    this.set({ coordinates: to ? `${to.lat.toFixed(6)}, ${to.lng.toFixed(6)}` : "" }); // a tenth of a metre
    this.position = position;
    this.changed();
  }

  private stopLocating(): void {
    this.locating.abort();
    this.position = {};
  }

  // --- photos ---

  /** Takes files, whether or not the chunk of the photos is there. */
  addFiles(files: Blob[]): void {
    if (this.photos) return this.photos.add(files);
    this.files.push(...files);
    void this.loadPhotos();
  }

  attachPhotos(make: (session: ReportSession) => Photos): void {
    if (this.photos || this.isDestroyed) return;
    this.photos = make(this);
    this.photos.restore(this.draft.values.photos);
    if (this.files.length) this.photos.add(this.files.splice(0));
    this.changed();
  }

  // --- drafts ---

  /** Without the chunk, which did not come, the form begins empty; the next opening asks for it again. */
  attachUnsent(make?: (session: ReportSession, drafts: Drafts) => Unsent): void {
    if (this.isDestroyed) return;
    this.isSearching = false;
    if (make) {
      this.unsent = this.unsent || make(this, this.drafts);
      this.look(this.isReturn);
      this.prefill(this.wanted);
    }
    this.changed();
  }

  /** Erases the draft. What is on its way to the service cannot be taken back. */
  erase(): void {
    if (!this.isPosting) this.startAnew();
  }

  /** After a report that was received: another one, by the same person. */
  again(): void {
    this.startAnew(contacts(this.draft.values, text => text));
    void this.site.tickets.prepare();
  }

  // --- the way to the service ---

  async send(): Promise<void> {
    if (this.isBusy || this.isDestroyed) return;
    const { tickets, host, options } = this.site;
    this.stopRetry();
    this.stopLocating();
    const delivery = (this.delivery = {});
    this.sending = { state: "sending", from: this.sending.state === "waiting" ? this.sending : undefined };
    this.changed();
    const outcome = await this.deliver();
    // Erased meanwhile, or the widget is gone: a report that may have arrived is sent again under its key.
    if (!outcome || this.delivery !== delivery) return;
    this.sending = { state: "editing" };
    if (outcome.state === "received") {
      this.cancelWriting();
      this.drafts.forget(this.draft);
      // It was good for this report.
      tickets.drop();
      this.tries = 0;
      const { number, status, answer_due } = outcome.receipt;
      emit(host, "submitted", { number, status, answer_due });
    } else {
      if (outcome.state !== "waiting") this.pause();
      const error = "error" in outcome ? outcome.error : null;
      emit(host, "error", { status: error && error.status, code: (error && error.body.code) || outcome.state });
      if (outcome.state === "refused") reportFailure(options, "send");
      if (outcome.state === "fields") return this.fail(fromService(outcome.error.body), !this.isFocusKept());
      // The next try, if the person wants one, is a report of its own.
      if (outcome.state === "conflict") this.saveNow({ id: randomKey(), sent: undefined });
      if (outcome.state === "refused" && refuses(outcome.error)) this.refused = outcome.error;
    }
    this.sending = outcome;
    if (outcome.state === "waiting") this.retryLater();
    this.changed();
  }

  /** Lets the person change a report that waits. */
  edit(): void {
    this.stopRetry();
    this.pause();
    this.sending = { state: "editing" };
    this.moveFocus();
  }

  private async deliver(): Promise<Outcome | undefined> {
    const { api, config, options, tickets } = this.site;
    const { delivery } = this;
    const count = this.files.length;
    if (!this.photos && (count || this.draft.values.photos.length)) await this.loadPhotos();
    // Erased meanwhile: the form that has begun anew is neither sent nor hears of this.
    if (delivery !== this.delivery) return;
    if (count && !this.photos) {
      // The next try goes without them.
      this.files = [];
      const errors = [{ field: "photos", code: "", detail: "unavailable_server" }];
      return { state: "fields", error: new ApiError(422, { errors }) };
    }
    const { waits } = this.draft;
    const keep = () => {
      const { values, since } = this.draft;
      const now = report(config, values, options.lang);
      // Consent is never stored: without it, this is the report that waited through a reload, as it was agreed to.
      const body = values.consent || !waits ? now : { ...waits, photos: now.photos };
      this.saveNow({ waits: body, since: since || Date.now() });
      return body;
    };
    // It has been agreed to: the tab may be closed while its photos wait for a network.
    keep();
    const post = () => {
      this.sending = { ...this.sending, isPosted: true } as Sending;
      this.changed();
      const body = keep();
      // What is typed meanwhile stays.
      return attempt(api, tickets, this.draft, body, sent => this.saveNow({ sent }));
    };
    return this.photos ? this.photos.sendWith(post) : post();
  }

  /** Tries again by itself; where there were too many reports only when the person says so. */
  private retryLater(): void {
    const { sending } = this;
    if (sending.state === "waiting" && !(sending.error && sending.error.status === 429))
      this.retry = setTimeout(this.sendAgain, Math.min(PAUSE * 2 ** this.tries++, LONGEST_PAUSE) * 1000);
  }

  private readonly sendAgain = (): void => {
    if (this.retry) void this.send();
  };

  private stopRetry(): void {
    clearTimeout(this.retry);
    this.retry = undefined;
  }

  /** From now on it goes only when the person says so. */
  private pause(): void {
    this.tries = 0;
    this.saveNow({ since: undefined, waits: undefined });
  }

  /** `isSummarised` also where the control of an error is not there. */
  fail(errors: FieldError[], isAnnounced = false, isSummarised = isAnnounced || errors.length > 1): void {
    this.errors = errors;
    this.isAnnounced = isAnnounced;
    this.isSummarised = isSummarised;
    if (!isAnnounced) {
      this.enter(stepOf(errors[0]!.control));
      this.failures++;
    }
    this.changed();
  }

  // --- storage ---

  /** Writes the draft down after a rest, or with the next `write`. */
  private save(change: Partial<Draft>): void {
    this.draft = { ...this.draft, ...change };
    clearTimeout(this.unwritten);
    if (!this.isDestroyed) this.unwritten = setTimeout(this.write, REST);
  }

  /** What a report hangs on is written down at once. */
  private saveNow(change: Partial<Draft>): void {
    this.save(change);
    this.write();
  }

  readonly write = (): void => {
    if (!this.unwritten) return;
    this.cancelWriting();
    const { name } = this.drafts;
    const id = this.drafts.write(this.draft, this.page);
    if (id !== this.draft.id) this.draft = { ...this.draft, id };
    if (name !== this.drafts.name && this.photos) this.photos.storeAgain();
  };

  private cancelWriting(): void {
    clearTimeout(this.unwritten);
    this.unwritten = undefined;
  }

  /** The page of the draft: its path, and what it says of itself, for one path may show many places. */
  private pageNow(): string {
    const { lat, lng, address, description } = this.prefilled();
    return [location.pathname, lat, lng, address, description].filter(Boolean).join(" ");
  }

  private prefilled(): DOMStringMap {
    return (outer(this.site.host) as HTMLElement).dataset;
  }

  /** Begins with an empty form, or with what goes on by itself (`Unsent`). */
  private begin(isReturn = false, typed: Partial<Contacts> = {}): void {
    this.write();
    this.drafts.hold();
    this.page = this.pageNow();
    this.show({ id: randomKey(), step: 0, written: [], values: { ...empty, ...typed } });
    // What the page knows, such as the place of a playground.
    this.prefill({ ...this.prefilled(), category: this.site.options.category });
    this.wanted = {};
    this.look(isReturn);
  }

  private look(isReturn: boolean): void {
    if (this.unsent) return this.unsent.look(isReturn);
    this.isReturn = isReturn || (this.isSearching && this.isReturn);
    this.isSearching = !this.draft.written.length && !!this.drafts.others()[0];
  }

  private startAnew(typed?: Partial<Contacts>): void {
    this.cancelWriting();
    this.drafts.erase();
    this.begin(false, typed);
    this.moveFocus();
  }

  /** Puts this draft in the place of all that was typed. */
  show(draft: Draft): void {
    this.stopRetry();
    this.stopLocating();
    this.tries = 0;
    this.delivery = undefined;
    this.files = [];
    this.draft = draft;
    this.restored = this.joined = undefined;
    this.errors = [];
    this.isReviewed = false;
    this.sending = draft.waits ? { state: "waiting" } : { state: "editing" };
    this.retryLater();
    if (this.photos) this.photos.restore(draft.values.photos);
  }

  /** The dialog is closed. */
  private readonly rest = (): void => {
    this.write();
    this.stopLocating();
    this.changed();
  };

  private readonly end = (): void => {
    this.rest();
    this.stopRetry();
    this.delivery = undefined;
    document.removeEventListener("visibilitychange", this.write);
    removeEventListener("online", this.sendAgain);
    if (this.photos) this.photos.stop();
    this.drafts.release();
  };
}

/** The report of this widget, or of the collection that it shows; made at the first call. */
export function reportSession(site: Site): ReportSession {
  const name = site.entries ? site.options.key : "report";
  const session = site.session.part(name, () => new ReportSession(site));
  session.site = site;
  return session;
}
