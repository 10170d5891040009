/** Reports that were written in another form or at another time, and are not sent: read, gone on with, discarded. */

import type { Report } from "../../shared/contract.ts";
import type { Language } from "../../shared/i18n.ts";
import { randomKey } from "../../shared/key.ts";
import { ignoreErrors } from "../../shared/storage.ts";
import type { Drafts, Found, Stored, StoredContacts } from "../drafts.ts";
import type { ReportSession, Unsent } from "../session.ts";
import { stepOf } from "../validate.ts";
import { contacts, empty, withoutPrototype, type Contacts, type Draft, type Values } from "../values.ts";

const DAY = 86_400_000;
/** Characters of an unsent report that tell people which one it is. */
const BEGINNING = 40;

/** The kinds of what is stored: other scripts of the page may write there too, and the form must open all the same. */
const LINKED = { sent: {}, waits: {} };
const RECORD = {
  ...LINKED,
  ...{ at: 0, page: "", holder: "", values: {}, written: [""], personal: true, since: 0, step: 0, id: "" }
};
const VALUES = {
  ...empty,
  answers: {},
  photos: [{ id: "", alt: "" }],
  photoPlace: { lat: 0, lng: 0 },
  hereAnswered: true,
  house: { address: "", coordinates: "", filled: "" }
};

/** What is absent may be null where an object is expected. */
function isOfKind(value: any, kind: any): boolean {
  if (typeof value !== typeof kind || Array.isArray(value) !== Array.isArray(kind)) return false;
  if (Array.isArray(kind)) return value.every((one: unknown) => one !== null && isOfKind(one, kind[0]));
  return (
    typeof kind !== "object" || value === null || Object.keys(kind).every(name => isOfKind(value[name], kind[name]))
  );
}

/** Those members of what is stored that are of their kind. */
const soundOf = <T>(stored: T, kinds: object): Partial<NonNullable<T>> =>
  Object.fromEntries(
    Object.entries(kinds)
      .map(([name, kind]) => [name, Object(stored)[name], kind])
      .filter(([, value, kind]) => isOfKind(value, kind))
  ) as Partial<NonNullable<T>>;

function open(name: string, stored: Stored): Found {
  const {
    at = 0,
    page,
    holder,
    personal,
    waits,
    since,
    sent,
    step = 0,
    id = randomKey(),
    ...rest
  } = soundOf(stored, RECORD);
  const values = soundOf(rest.values, VALUES);
  const session = ignoreErrors(() => sessionStorage.getItem(name));
  const {
    sent: sentBy,
    waits: waitsBy,
    ...typed
  } = soundOf(
    ignoreErrors(() => JSON.parse(session!) as StoredContacts),
    { ...contacts(empty, String), ...LINKED }
  );
  const all: Values = { ...empty, ...values, answers: withoutPrototype(values.answers!), ...typed };
  const complete = (one?: Report, by: Partial<Contacts> = contacts(all)) => one && { ...one, ...by };
  // Without the contacts it had, it is not the report the person sent: they have to look at it again.
  const isComplete = personal === false || !!waitsBy;
  return {
    name,
    page,
    writtenAt: at,
    isOwn: !!session && !!holder,
    draft: {
      id,
      step: Math.max(0, Math.trunc(step)),
      values: all,
      written: rest.written || Object.keys(values),
      sent: complete(sent, sentBy),
      ...(isComplete && { waits: complete(waits, waitsBy), since })
    }
  };
}

/** The records of this site that no form of this page holds, the latest first. Removes what has expired. */
export function list(drafts: Drafts): Found[] {
  return drafts
    .others()
    .flatMap(([name, stored]) => {
      if (!(drafts.now() - stored.at <= DAY)) drafts.remove(name);
      else if (name === drafts.base || name.startsWith(drafts.base + ":"))
        return ignoreErrors(() => open(name, stored)) || [];
      return [];
    })
    .sort((one, other) => other.writtenAt - one.writtenAt);
}

/** What tells people which report this is; empty where the person has written nothing. */
export function describe({ values, written }: Draft, { t }: Language): string {
  const { length } = values.photos;
  const texts = { ...values, photos: length ? `${t("review_photos")}: ${length}` : "" };
  const found = (["subject", "description", "address", "photos", "coordinates"] as const)
    .filter(name => written.includes(name))
    .map(name => texts[name].trim().replace(/\s+/g, " "))
    .find(Boolean);
  const line = found || "";
  return line.length > BEGINNING ? line.slice(0, BEGINNING).replace(/(.{20}) \S*$/, "$1") + "…" : line;
}

export class UnsentReports implements Unsent {
  /** One of this page, which the person may go on with. */
  offer: Found | undefined;

  constructor(
    private readonly report: ReportSession,
    private readonly drafts: Drafts
  ) {}

  look(isReturn = false): void {
    const { draft, page } = this.report;
    this.offer = undefined;
    // Whoever is writing is left in peace.
    if (draft.written.length) return;
    const all = list(this.drafts);
    const found =
      all.find(one => one.draft.waits) || (isReturn && all.find(one => one.isOwn && one.page === page)) || undefined;
    if (found) this.takeUp(found, found.writtenAt);
    else this.offer = all.find(one => (!one.page || one.page === page) && !!this.describe(one.draft));
  }

  describe(draft: Draft): string {
    return describe(draft, this.report.site.language);
  }

  /** Goes on with an unsent report, the one that is offered; what is typed in its place is offered from then on. */
  resume(offer = this.offer): void {
    const { report } = this;
    if (!offer || report.isBusy) return;
    // As it is now: since it was offered it may have been gone on with in another tab, sent, or have expired.
    const found = list(this.drafts).find(({ name }) => name === offer.name);
    if (found) {
      report.write();
      if (!this.describe(report.draft)) this.drafts.erase();
      this.takeUp(found);
    }
    this.look();
    report.moveFocus();
  }

  /** `writtenAt`: when its day began. */
  private takeUp({ name, draft }: Found, writtenAt?: number): void {
    const { report, drafts } = this;
    // Where one was, unless something before is missing: topics and questions may have changed.
    const missing = report.validate(draft.values).map(({ control }) => stepOf(control));
    report.show({ ...draft, step: Math.min(draft.step, ...missing) });
    report.restored = draft.sent ? "sent" : "draft";
    drafts.hold(name);
    drafts.write(draft, report.page, writtenAt);
  }

  discard(): void {
    if (this.offer) this.drafts.remove(this.offer.name);
    this.look();
    this.report.moveFocus();
  }
}

export const createUnsent = (report: ReportSession, drafts: Drafts): UnsentReports => new UnsentReports(report, drafts);
