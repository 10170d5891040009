/**
 * What the form of a report promises, as plain data: which record in storage is whose, how old it is and what it
 * holds, what was sent with which key, what is still awaited. What takes promises in the widget happens here at once.
 */

import type { Report } from "../shared/contract.ts";
import type { Stored, StoredContacts } from "../report/drafts.ts";
import { contacts, empty, report, type Draft, type Photo as Kept, type Values } from "../report/values.ts";
import { config } from "./fakeBrowser.ts";

const HOUR = 3_600_000;
/** Milliseconds: that a record is kept; of rest before what is typed is written; of an upload without progress. */
const LIFETIME = 24 * HOUR,
  REST = 400,
  PATIENCE = 60_000;
/** Seconds between the tries to send a photo. */
const PAUSES = [2, 5, 15, 30, 60];

interface Timer {
  due: number;
  of: Form;
  act: () => void;
}
interface Upload {
  of: Form;
  ticket: string;
  bytes: number;
  answer(status: number, body?: { code?: string | undefined }): void;
  progress(): void;
}
interface Post {
  key: string;
  body: Report;
  ticket: string;
  arrive(): void;
  lose(): void;
  refuse(status: number, body?: { errors?: { field: string }[] }): void;
}
interface Photo extends Kept {
  state: "preparing" | "waiting" | "sending" | "done" | "paused";
  hasPicture: boolean;
  tries: number;
  isRenewed: boolean;
  timer?: Timer | undefined;
  upload?: Upload | undefined;
}
interface Found {
  name: string;
  draft: Draft;
  page: string | undefined;
  at: number;
  isOwn: boolean;
}
/** One attempt: what may have arrived before, what waited, how many photos were refused when it began. */
interface Attempt {
  before?: Report | undefined;
  agreed: Report | undefined;
  refused: unknown[];
  known: number;
}

const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;
const equal = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);
const without = <T extends object>(value: T, ...names: string[]): T =>
  plain({ ...value, ...Object.fromEntries(names.map(name => [name, undefined])) });
/** Contacts and consent are nobody's but the tab's. */
const publicOf = <T extends object>(value: T): T => without(value, "email", "name", "phone", "consent", "publish");
const publicBody = (body?: Report) => body && without(body, "email", "name", "phone");
/** In one order, and from whichever page. */
const contentOf = (body: object | undefined) =>
  body && Object.entries(without(body, "page_url")).sort(([one], [other]) => (one < other ? -1 : 1));
const contactsOf = (body: Report | undefined) => body && contacts(body as unknown as Values, text => text);
const keptOf = ({ id, token, alt, uploadedAt, thumb, place }: Kept): Kept => ({
  ...{ id, token, alt, uploadedAt, thumb, place }
});
const take = <T>(list: T[], one: T | undefined): unknown => one && list.splice(list.indexOf(one), 1);

export class Model {
  readonly records = new Map<string, Stored>();
  readonly pictures = new Map<string, Set<string>>();
  /** How large each picture is. */
  readonly bytes = new Map<string, number>();
  /** What the service has, by key. */
  readonly stored = new Map<string, Report>();
  readonly documents: Document[] = [];
  timers: Timer[] = [];
  readonly posts: Post[] = [];
  uploads: Upload[] = [];
  decodings: { of: Form; end(): void }[] = [];
  positions: { of: Form; tell(answer: object | null): void }[] = [];
  /** Storage is full, databases are forbidden. */
  isFull = false;
  isForbidden = false;
  tokens = 0;
  private ids = 0;

  constructor(public time: number) {}

  id = (kind: string): string => kind + this.ids++;

  pass(milliseconds: number, asleep = false): void {
    const end = this.time + milliseconds;
    if (asleep) this.time = end;
    for (;;) {
      const [next] = this.timers.filter(({ due }) => due <= end).sort((one, other) => one.due - other.due);
      if (!next) break;
      take(this.timers, next);
      this.time = Math.max(this.time, next.due);
      next.act();
      this.time += +asleep;
    }
    this.time = Math.max(this.time, end);
  }
}

export class Document {
  forms: Form[] = [];

  constructor(
    readonly model: Model,
    public path: string,
    public place: string,
    /** sessionStorage. */
    readonly tab = new Map<string, StoredContacts>()
  ) {
    model.documents.push(this);
  }
  crash(): void {
    const { model } = this;
    const isOther = ({ of }: { of: Form }) => of.document !== this;
    take(model.documents, this);
    for (const form of this.forms) form.isGone = true;
    model.timers = model.timers.filter(isOther);
    model.uploads = model.uploads.filter(isOther);
    model.decodings = model.decodings.filter(isOther);
    model.positions = model.positions.filter(isOther);
  }
  hide(): void {
    for (const form of this.forms) form.write();
  }
  online(): void {
    for (const form of [...this.forms]) {
      if (form.retry) form.send();
      for (const photo of form.photos.filter(({ state }) => state === "waiting")) form.upload(photo);
    }
  }
}

/** Its members are called as those of ReportSession, Queue and UnsentReports. */
export class Form {
  draft!: Draft;
  page!: string;
  drafts = { name: "", isStored: false };
  sending = { state: "editing" };
  offer: Found | undefined;
  restored: string | undefined;
  errors: { control: string }[] = [];
  position: { state?: string } = {};
  moves = 0;
  failures = 0;
  isPosting = false;
  photos: Photo[] = [];
  refused: unknown[] = [];
  left = 0;
  volatile = false;
  readonly events: string[] = [];
  ticket = 0;
  isClosed = false;
  isGone = false;
  retry: Timer | undefined;
  private unwritten: Timer | undefined;
  private question: object | undefined;
  private tries = 0;
  private isReviewed = false;
  private delivery: object | undefined;
  /** The report waits for its photos. */
  private awaiting: Attempt | undefined;
  private photosText = "";
  private jobs: { photo: Photo; isNew: boolean }[] = [];
  private isDecoding = false;
  private readonly model: Model;
  private readonly id: string;

  constructor(readonly document: Document) {
    this.model = document.model;
    this.id = this.model.id("form");
    document.forms.push(this);
    this.begin(true);
    this.look();
  }

  open(): void {
    this.isClosed = false;
    if (["editing", "received"].includes(this.sending.state) && this.page !== this.pageNow()) this.begin(true);
    else this.look();
  }
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.write();
    this.stopAsking();
  }
  destroy(): void {
    this.close();
    this.write();
    this.isGone = true;
    this.stop(this.retry);
    this.delivery = undefined;
    this.photos.forEach(photo => this.stopPhoto(photo));
    take(this.document.forms, this);
  }

  // --- what is typed, and where it is ---

  set(given: Partial<Values>): void {
    if ("coordinates" in given) this.stopAsking();
    const { written, values } = this.draft;
    this.save({ written: [...new Set([...written, ...Object.keys(given)])], values: { ...values, ...given } });
    this.errors = this.errors.filter(
      ({ control }) => !(control in given) && !(control === "address" && "coordinates" in given)
    );
  }
  put({ lat, lng }: { lat: number; lng: number }, state?: string): void {
    this.set({ coordinates: `${lat.toFixed(6)}, ${lng.toFixed(6)}` });
    this.position = state ? { state } : {};
  }
  prefill(given: { category?: string; description?: string; address?: string; lat?: number; lng?: number }): void {
    if (this.sending.state === "received") this.begin();
    if (this.sending.state !== "editing") return;
    const { category, description, address = "", lat, lng } = given;
    const { written, step } = this.draft;
    const values = { ...this.draft.values };
    const isFree = (...names: string[]) => !names.some(name => written.includes(name));
    const isChosen = !!category && isFree("category");
    if (isChosen) values.category = category;
    if (description && isFree("description")) values.description = description;
    if ((address || lat) && isFree("address", "coordinates")) {
      Object.assign(values, { address, coordinates: lat ? `${lat}, ${lng}` : "" });
      this.stopAsking();
    }
    this.draft = { ...this.draft, step: step || +isChosen, values };
  }
  go(step: number): void {
    this.save({ step }, true);
    this.moves++;
  }
  proceed(isLast: boolean): void {
    if (this.sending.state === "sending") return;
    const { step, values } = this.draft;
    const errors = this.missing(values).filter(([, at]) => isLast || at === step);
    if (errors.length) return this.fail(errors);
    this.errors = [];
    if (isLast) return this.send();
    this.isReviewed ||= step === 2;
    this.go(this.isReviewed ? 3 : step + 1);
  }
  locate(): void {
    const { positions } = this.model;
    const question = (this.question = {});
    this.position = { state: "asked" };
    const tell = (answer: object | null) => {
      take(
        this.model.positions,
        positions.find(one => one.tell === tell)
      );
      if (this.question !== question) return;
      this.question = undefined;
      if (answer) this.put({ lat: 55, lng: 38 }, "found");
      else this.position = { state: "denied" };
    };
    positions.push({ of: this, tell });
  }

  // --- drafts ---

  erase(): void {
    if (!this.isPosting) this.startAnew();
  }
  again(): void {
    this.startAnew(contacts(this.draft.values, text => text));
  }
  resume(): void {
    const { offer } = this;
    if (!offer || this.sending.state === "sending") return;
    // As it is now.
    const found = this.list().find(({ name }) => name === offer.name);
    if (found) {
      this.write();
      if (!this.isTold(this.draft)) this.eraseRecord();
      this.takeUp(found, this.model.time);
    }
    this.look();
    this.moves++;
  }
  discard(): void {
    if (this.offer) this.removeRecord(this.offer.name);
    this.look();
    this.moves++;
  }

  // --- photos ---

  addFiles(files: Blob[]): void {
    this.refused = [];
    this.left = 0;
    for (const { type, size } of files)
      if (type !== "image/jpeg") this.refused.push(type);
      else if (this.photos.length === 3) this.left++;
      else {
        const photo = this.photoOf({ id: this.model.id("photo"), alt: "" }, true);
        this.model.bytes.set(photo.id, size);
        this.photos.push(photo);
        this.jobs.push({ photo, isNew: true });
      }
    this.setPhotos();
    this.work();
  }
  remove(photo: Photo): void {
    this.left = 0;
    take(this.photos, photo);
    this.stopPhoto(photo);
    // The record that holds the picture is this form's only once it is written.
    this.setPhotos();
    const name = this.pictureStore();
    if (name && !this.model.isForbidden) this.picturesOf(name).delete(photo.id);
    this.settle();
  }
  upload(photo: Photo): void {
    if (this.isGone) return;
    this.stopPhoto(photo);
    Object.assign(photo, { state: "sending", token: undefined });
    this.setPhotos();
    this.post(photo);
  }

  // --- the way to the service ---

  send(): void {
    if (this.sending.state === "sending") return;
    this.stop(this.retry);
    this.retry = undefined;
    this.stopAsking();
    this.delivery = {};
    this.sending = { state: "sending" };
    const agreed = this.draft.waits;
    this.keep(agreed);
    this.awaiting = { agreed, refused: this.refused, known: this.refused.length };
    this.settle();
  }
  edit(): void {
    this.stop(this.retry);
    this.retry = undefined;
    this.pause();
    this.sending = { state: "editing" };
    this.moves++;
  }
  write(): void {
    if (!this.unwritten) return;
    this.cancelWriting();
    const { name } = this.drafts;
    this.writeRecord(this.draft, this.model.time);
    if (name !== this.drafts.name) for (const { id, hasPicture } of this.photos) if (hasPicture) this.storePicture(id);
  }

  // --- inside: forms ---

  private later(milliseconds: number, act: () => void): Timer {
    const timer = { due: this.model.time + milliseconds, of: this, act };
    this.model.timers.push(timer);
    return timer;
  }
  private stop(timer: Timer | undefined): void {
    if (timer && this.model.timers.includes(timer)) take(this.model.timers, timer);
  }
  private pageNow(): string {
    const { path, place } = this.document;
    return place ? path + " " + place : path;
  }
  private begin(isReturn = false, typed: Partial<Values> = {}): void {
    this.write();
    this.hold();
    this.page = this.pageNow();
    this.show({ id: this.model.id("key"), step: 0, written: [], values: { ...empty, ...typed } });
    this.prefill({ address: this.document.place });
    this.look(isReturn);
  }
  private startAnew(typed?: Partial<Values>): void {
    this.cancelWriting();
    this.eraseRecord();
    this.begin(false, typed);
    this.moves++;
  }
  private show(draft: Draft): void {
    this.stop(this.retry);
    this.stopAsking();
    this.tries = 0;
    this.isReviewed = false;
    this.errors = [];
    this.delivery = this.restored = this.retry = this.awaiting = undefined;
    this.sending = { state: "editing" };
    this.draft = draft;
    if (draft.waits) this.wait();
    this.photos.forEach(photo => this.stopPhoto(photo));
    this.refused = [];
    this.left = 0;
    this.volatile = false;
    this.photos = draft.values.photos.map(photo => this.photoOf(photo, false));
    this.photosText = JSON.stringify(this.photos.map(keptOf));
    for (const photo of this.photos) this.jobs.push({ photo, isNew: false });
  }
  private fail(errors: (readonly [control: string, step: number])[]): void {
    this.errors = errors.map(([control]) => ({ control }));
    this.failures++;
    const step = errors[0]![1];
    if (step === this.draft.step) return;
    this.draft = { ...this.draft, step };
    this.write();
  }
  private missing({ category, description, address, coordinates, consent }: Values) {
    const steps = [
      [category, "category", 0],
      [description.length > 2, "description", 1],
      [address || coordinates, "address", 2],
      [consent, "consent", 3]
    ] as const;
    return steps.filter(([is]) => !is).map(([, control, step]) => [control, step] as const);
  }
  private stopAsking(): void {
    this.question = undefined;
    this.position = {};
  }

  // --- inside: records ---

  private save(change: Partial<Draft>, now = false): void {
    this.draft = { ...this.draft, ...change };
    this.cancelWriting();
    if (!this.isGone) this.unwritten = this.later(REST, () => this.write());
    if (now) this.write();
  }
  private cancelWriting(): void {
    this.stop(this.unwritten);
    this.unwritten = undefined;
  }
  /** Every record has one holder: who finds another one there goes on under a name of their own. */
  private writeRecord(draft: Draft, at: number): void {
    const { drafts, document, model, page } = this;
    const { sent, waits } = draft;
    const values = publicOf(draft.values);
    let { id } = draft;
    const found = model.records.get(drafts.name);
    if (drafts.isStored && !this.isOurs) {
      if (found && !sent && !waits && !equal(found.values, values)) id = model.id("key");
      document.tab.delete(drafts.name);
      this.hold();
    }
    if (id !== draft.id) this.draft = { ...draft, id };
    if (model.isFull) return;
    const typed = contacts(draft.values, text => text);
    const all = { ...typed, sent: contactsOf(sent), waits: contactsOf(waits) };
    const personal = [typed, all.sent, all.waits].some(one => one && one.email);
    const stored = { ...draft, id, values, sent: publicBody(sent), waits: publicBody(waits), at, page, personal };
    model.records.set(this.drafts.name, plain({ ...stored, holder: this.id }));
    this.drafts.isStored = true;
    document.tab.set(this.drafts.name, plain(all));
  }
  private hold(name = this.model.id("record")): void {
    this.drafts = { name, isStored: false };
  }
  private get isOurs(): boolean {
    const found = this.model.records.get(this.drafts.name);
    return this.drafts.isStored && !!found && found.holder === this.id;
  }
  private eraseRecord(): void {
    const { name, isStored } = this.drafts;
    if (isStored && this.model.records.has(name) && !this.isOurs) this.document.tab.delete(name);
    else if (isStored) this.removeRecord(name);
    this.hold();
  }
  private removeRecord(name: string): void {
    this.model.records.delete(name);
    this.document.tab.delete(name);
    this.model.pictures.delete(name);
  }
  private isTold({ written, values }: Draft): boolean {
    const names = ["description", "address", "photos", "coordinates"] as const;
    return names.some(name => written.includes(name) && values[name].length > 0);
  }
  /** What no form of the document holds, the latest first; what is older than a day goes. */
  private list(): Found[] {
    const { tab, forms } = this.document;
    const all: Found[] = [];
    for (const [name, { at, page, personal, holder: _, ...draft }] of [...this.model.records]) {
      if (forms.some(({ drafts }) => drafts.name === name)) continue;
      if (this.model.time - at > LIFETIME) {
        this.removeRecord(name);
        continue;
      }
      const { sent, waits, ...typed } = tab.get(name) || {};
      const isComplete = !personal || !!waits;
      const values = { ...empty, ...draft.values, ...typed };
      all.push({
        ...{ name, page, at, isOwn: tab.has(name) },
        draft: {
          ...(draft as Draft),
          values,
          sent: draft.sent && plain({ ...draft.sent, ...(sent || contacts(values)) }),
          waits: isComplete && draft.waits ? { ...draft.waits, ...waits } : undefined,
          since: isComplete ? draft.since : undefined
        }
      });
    }
    return all.sort((one, other) => other.at - one.at);
  }
  private look(isReturn = false): void {
    this.offer = undefined;
    if (this.draft.written.length) return;
    const all = this.list();
    const found =
      all.find(({ draft }) => draft.waits) || all.find(one => isReturn && one.isOwn && one.page === this.page);
    // A day begins when something was written, and not again when it is read.
    if (found) this.takeUp(found, found.at);
    else this.offer = all.find(({ page, draft }) => page === this.page && this.isTold(draft));
  }
  private takeUp({ name, draft }: Found, at: number): void {
    this.show({ ...draft, step: Math.min(draft.step, ...this.missing(draft.values).map(([, step]) => step)) });
    this.restored = draft.sent ? "sent" : "draft";
    this.hold(name);
    this.writeRecord(draft, at);
    this.work();
  }

  // --- inside: photos ---

  private photoOf = (photo: Kept, hasPicture: boolean): Photo => ({
    ...photo,
    ...{ state: "preparing", hasPicture, tries: 0, isRenewed: false }
  });
  private setPhotos(): void {
    const photos = this.photos.map(keptOf);
    const text = JSON.stringify(photos);
    if (text !== this.photosText) this.set({ photos, photoPlace: null });
    this.photosText = text;
  }
  private picturesOf(name: string): Set<string> {
    const { pictures } = this.model;
    return pictures.get(name) || pictures.set(name, new Set()).get(name)!;
  }
  /** Pictures lie with a record of the form's own, or nowhere. */
  private pictureStore(): string | undefined {
    if (this.drafts.isStored && !this.isOurs) this.save({});
    this.write();
    return this.isOurs ? this.drafts.name : undefined;
  }
  private storePicture(id: string): boolean {
    const name = this.pictureStore();
    if (name && !this.model.isForbidden) this.picturesOf(name).add(id);
    return !!name && !this.model.isForbidden;
  }
  /** Pictures are made small, and read, one after the other. */
  private work(): void {
    while (this.jobs.length && !this.isDecoding) {
      const { photo, isNew } = this.jobs.shift()!;
      if (this.isGone) continue;
      if (!isNew) this.bringBack(photo);
      else if (this.photos.includes(photo)) this.decode(photo);
    }
  }
  private decode(photo: Photo): void {
    this.isDecoding = true;
    const decoding = {
      of: this as Form,
      end: () => {
        take(this.model.decodings, decoding);
        this.isDecoding = false;
        if (this.photos.includes(photo)) {
          if (!this.storePicture(photo.id)) this.volatile = true;
          this.upload(photo);
        }
        this.work();
      }
    };
    this.model.decodings.push(decoding);
  }
  private bringBack(photo: Photo): void {
    const name = this.pictureStore();
    photo.hasPicture = !!name && !this.model.isForbidden && this.picturesOf(name).has(photo.id);
    if (!this.photos.includes(photo)) return;
    if (!photo.hasPicture) return this.remove(photo);
    if (!photo.token || this.model.time - photo.uploadedAt! >= 23 * HOUR) return this.upload(photo);
    photo.state = "done";
    this.settle();
  }
  private post(photo: Photo, isFresh = false): void {
    const { model } = this;
    const wait = () => this.later(PATIENCE, () => upload.answer(0));
    const upload: Upload = {
      of: this,
      ticket: "ticket" + this.ticket,
      bytes: model.bytes.get(photo.id)!,
      answer: (status, { code } = {}) => {
        this.stopPhoto(photo);
        if (status === 403 && !isFresh) {
          this.ticket++;
          return this.post(photo, true);
        }
        if (status === 201) {
          const token = "token" + model.tokens++;
          Object.assign(photo, { state: "done", token, thumb: "/thumb", uploadedAt: model.time, tries: 0 });
          this.setPhotos();
        } else if (code) photo.state = "paused";
        else if (status && status !== 429 && status < 500) {
          this.refused.push(status);
          return this.remove(photo);
        } else {
          photo.state = "waiting";
          photo.timer = this.later(1000 * PAUSES[Math.min(photo.tries++, 4)]!, () => this.upload(photo));
        }
        this.settle();
      },
      progress: () => {
        this.stop(photo.timer);
        photo.timer = wait();
      }
    };
    photo.timer = wait();
    model.uploads.push((photo.upload = upload));
  }
  private stopPhoto(photo: Photo): void {
    this.stop(photo.timer);
    take(this.model.uploads, photo.upload);
    photo.timer = photo.upload = undefined;
  }

  // --- inside: the way to the service ---

  /** Writes down what goes: without consent, which is not stored, what was agreed to before. */
  private keep(agreed: Report | undefined): Report {
    const page_url = "https://gorod.test" + this.document.path;
    const now = { ...report(config, this.draft.values, "ru"), page_url };
    const body = plain(this.draft.values.consent || !agreed ? now : { ...agreed, photos: now.photos });
    this.save({ waits: body, since: this.draft.since || this.model.time }, true);
    return body;
  }
  /** The report goes when no photo is on its way, unless one was refused since. */
  private settle(): void {
    const { awaiting } = this;
    if (!awaiting || this.isGone || this.photos.some(({ state }) => !["done", "paused"].includes(state))) return;
    this.awaiting = undefined;
    if (this.refused[this.refused === awaiting.refused ? awaiting.known : 0]) return this.end("fields", "photos");
    this.isPosting = true;
    const body = this.keep(awaiting.agreed);
    const before = this.draft.sent;
    this.submit({ ...awaiting, before }, before && equal(contentOf(before), contentOf(body)) ? before : body);
  }
  private submit(attempt: Attempt, body: Report, isFresh = false): void {
    // Whatever may arrive is known before it goes.
    if (!attempt.before) this.save({ sent: body }, true);
    const { stored, posts } = this.model;
    const { delivery } = this;
    const key = this.draft.id;
    const isKept = () => {
      if (!stored.has(key)) stored.set(key, body);
      return equal(Object.entries(stored.get(key)!).sort(), Object.entries(body).sort());
    };
    const answer = (status: number, field?: string) => {
      take(posts, post);
      if (!this.isGone && this.delivery === delivery) this.answer(attempt, body, isFresh, status, field);
    };
    const post: Post = {
      ...{ key, body, ticket: "ticket" + this.ticket },
      arrive: () => answer(isKept() ? 201 : 409),
      lose: () => (isKept(), answer(0)),
      refuse: (status, { errors = [] } = {}) => answer(status, errors[0] && errors[0].field)
    };
    posts.push(post);
  }
  private answer(attempt: Attempt, body: Report, isFresh: boolean, status: number, field?: string): void {
    const { before } = attempt;
    if (status === 201) return this.end("received");
    if (status === 403 && !isFresh) {
      this.ticket++;
      return this.submit(attempt, body, true);
    }
    // The answer to what arrived before the text was changed is its receipt.
    if (status === 409 && before && body !== before) return this.submit(attempt, before);
    const isWaiting = !status || status === 429 || status >= 500;
    if (!before && !isWaiting) this.save({ sent: undefined }, true);
    const lost = field === "photos.0" && this.photos.find(({ token }) => token);
    if (lost && !lost.isRenewed) {
      lost.isRenewed = true;
      this.awaiting = { ...attempt, refused: this.refused, known: this.refused.length };
      return this.upload(lost);
    }
    if (field) this.end("fields", field.split(".")[0]);
    else this.end(isWaiting ? "waiting" : status === 409 ? "conflict" : "refused", "", status === 429);
  }
  private end(state: string, control = "", isLimited = false): void {
    this.isPosting = false;
    this.events.push(state === "received" ? "submitted" : "error");
    if (state === "received") {
      this.cancelWriting();
      this.forget();
      this.ticket++;
      this.tries = 0;
    } else if (state !== "waiting") this.pause();
    this.sending = { state: state === "fields" ? "editing" : state };
    if (state === "fields") return this.fail([[control, control === "address" ? 2 : 1]]);
    if (state === "conflict") this.save({ id: this.model.id("key"), sent: undefined }, true);
    if (state === "waiting" && !isLimited) this.wait();
  }
  private wait(): void {
    this.sending = { state: "waiting" };
    this.retry = this.later(1000 * Math.min(5 * 2 ** this.tries++, 60), () => this.send());
  }
  private pause(): void {
    this.tries = 0;
    this.save({ since: undefined, waits: undefined }, true);
  }
  /** Tabs that took the report over have a record of it each; what was written there since stays. */
  private forget(): void {
    const { id, values, sent, waits } = this.draft;
    this.eraseRecord();
    const arrived = [publicOf(values), publicBody(sent), publicBody(waits)].map(contentOf);
    for (const [name, record] of [...this.model.records]) {
      if (record.id !== id || this.document.forms.some(({ drafts }) => drafts.name === name)) continue;
      if (arrived.some(one => equal(one, contentOf(record.waits || record.values)))) this.removeRecord(name);
    }
  }
}
