/** What the widget and the service exchange. Generated of its description: `python -m scripts.contract`. */
export interface Address {
  /** Street and house, or a street alone. */
  text: string;
  lat: number;
  lng: number;
}
export interface Addresses {
  items: Address[];
}
export interface Agency {
  name: string;
  email: string | null;
}
/** The newest official answer. */
export interface Answer {
  text: string;
  at: string;
  agency: string;
  /** The author did not agree, and there is no other answer yet. */
  disputed: boolean;
  photos: Photo[];
  documents: Document[];
}
export interface AttachedPhoto {
  photo: string;
  /** What it shows. */
  alt?: string | null;
}
export interface Category {
  code: string;
  name: string;
  /** What people call things of it. */
  words: string;
  /** To be read before sending. */
  notice: string | null;
  /** The same as texts, each with the link for it where it is a number to call. */
  notice_parts: string[][] | null;
  /** Working days. */
  deadline_days: number;
  /** If reported today; null where no answer by a day is promised. */
  answer_due: string | null;
  /** An SVG path for 24 pixels. */
  icon: string;
  track: string;
  photo_required: boolean;
  questions: Question[];
}
/** A proof of work (altcha). */
export interface Challenge {
  algorithm: string;
  challenge: string;
  maxnumber?: number;
  salt: string;
  signature: string;
}
export interface Choice {
  key: string;
  name: string;
}
/** GeoJSON (RFC 7946) with two members more: how many problems these are, and whether that is not all. */
export interface Clusters {
  type: "FeatureCollection";
  features: Marked[];
  total: number;
  partial: boolean;
}
/** A list of a site's beside its problems. */
export interface Collection {
  slug: string;
  preset: "volunteers" | "inspectors" | "resource-centres" | "programmes" | "budgeting" | "experts" | "initiatives";
  /** An SVG path for 24 pixels. */
  icon: string;
  /** Of title, description and fields. */
  language: string;
  title: string;
  description: string;
  /** Its page. */
  url: string;
  fields: Question[];
  /** By the agency; entries of a directory are only checked. */
  answered: boolean;
  /** The question whose answer names the roles to join an entry in. */
  roles: string | null;
  /** What a visitor can do with an entry. */
  action: "none" | "support" | "vote" | "join" | "contact";
  /** When it begins to take entries. */
  opens_at: string | null;
  /** When it ends to take entries. */
  closes_at: string | null;
  /** Where the action is `vote`. */
  voting: Voting | null;
  /** Who may add an entry; `POST …/entries` is for residents. */
  who: "residents" | "invited" | "agency";
  /** Published entries. */
  count: number;
}
export interface Collections {
  items: Collection[];
}
export interface Comment {
  name: string | null;
  text: string;
  at: string;
  official: boolean;
  agency: string | null;
}
export interface Comments {
  items: Comment[];
  next: string | null;
}
/** What a form needs to know of a site. */
export interface Configuration {
  name: string;
  type: "basic" | "extended";
  jurisdiction: string;
  agency: Agency;
  time_zone: string;
  language: string;
  languages: string[];
  categories: Category[];
  /** Only where the site has districts. */
  districts?: District[];
  accent: string | null;
  colours: string | null;
  statuses: Record<string, string>;
  map: Map | null;
  consent: ConsentDocuments;
  limits: Limits;
  contact: "optional" | "required";
  /** What to call the test mode, of a test key only. */
  test?: string;
  /** What the title of an entry is called, of a collection only. */
  entry?: string;
  submit: string;
  track: Track;
  appeals_url: string | null;
  links: Links;
}
export interface Consent {
  processing: true;
  /** Of the configuration. */
  version: string;
  /** True publishes the name; anything else does not. */
  publish_name?: unknown;
  /** Of the document about publishing the name, as the configuration names it; null: the current one. */
  name_version?: string | null;
}
export interface ConsentDocument {
  version: string;
  url: string;
}
export interface ConsentDocuments {
  version: string;
  url: string;
  /** Which reports need consent: all, or those with an email address, a name or a phone number. */
  required: "always" | "contacts";
  /** The document under which a name may be published. */
  publish_name: ConsentDocument;
}
export interface Contact {
  email: string;
  consent: Consent;
  ticket?: string | null;
  /** The language of letters: `ru` or `en`; anything else is as good as none. */
  lang?: unknown;
  name?: string | null;
  text: string;
  /** True: the other side gets the address and can answer. */
  show_email?: boolean;
}
/** How many entries there are where, by kind. */
export interface Coverage {
  kinds: Kind[];
  /** Kinds that no entry has. */
  missing: string[];
  /** Answers to `region`, by name. */
  regions: OfRegion[];
  /** Regions that are left out. */
  more: number;
  /** All of the site's; absent where it has none. */
  districts?: OfCoveredDistrict[];
  /** Entries without a place, or outside of all districts. */
  elsewhere?: number;
}
/** One published problem with all that is public. */
export interface Detail {
  /** Of the site. */
  number: number;
  /** Its page. */
  url: string;
  /** A code of the site's configuration, or one it had. */
  category: string;
  /** As the site calls it; in lists in the site's language. */
  category_name: string;
  description: string;
  address: string | null;
  location: Location | null;
  status: PublicStatus;
  created_at: string;
  updated_at: string;
  /**
   * By when an answer is due, in the site's time zone: the category's day, or the planned one the resident was
   * told since. Null where another system answers and promised no day.
   */
  answer_due: string | null;
  /** Open, and the day has passed. What a platform answers never is. */
  overdue: boolean;
  photos: Photo[];
  /** «Me too». */
  supporters: number;
  has_answer: boolean;
  /** The door it came through. */
  source: "widget" | "form" | "georeport" | "platform";
  /** The first official answer. */
  answered_at: string | null;
  /** Published ones. */
  comments: number;
  /** The author's name, where they agreed to publish it (`consent.publish_name`) and have not taken that back. */
  author: string | null;
  /** Whether each answer came by its day, those before a reopening too; null while there is nothing to say. */
  kept: boolean | null;
  /** The promised day of a planned work. */
  expected_on: string | null;
  responsible: string | null;
  /** The number of the problem it was merged into. */
  duplicate_of: number | null;
  /** Whether people may comment. */
  discussion: "off" | "moderated";
  /** Of a problem that came by another system: what that is called. */
  source_name: string | null;
  /** Of a problem that is a platform's own: where it lives. */
  source_url: string | null;
  timeline: Entry[];
  answer: Answer | null;
}
export interface District {
  id: string;
  name: string;
}
export interface Document {
  name: string;
  url: string;
  /** Its size. */
  bytes: number;
  /** Its media type. */
  type: string;
}
export interface Entries {
  items: EntryItem[];
  /** The `cursor` of the next page. */
  next: string | null;
}
/** One step of a problem. */
export interface Entry {
  at: string;
  kind: "received" | "status" | "note" | "corrected";
  status: Status | null;
  actor: "resident" | "agent" | "operator" | "platform" | "source" | "system";
  sender?: string | null;
  text: string | null;
  expected_on: string | null;
  responsible: string | null;
  duplicate_of: number | null;
  photos: Photo[];
  documents: Document[];
  /** What happened, in the reader's language. */
  label: string;
}
/** One published entry with all that is public. */
export interface EntryDetail {
  /** Of the site. */
  number: number;
  /** Its page. */
  url: string;
  /** A code of the site's configuration, or one it had. */
  category: string;
  /** As the site calls it; in lists in the site's language. */
  category_name: string;
  description: string;
  address: string | null;
  location: Location | null;
  status: PublicStatus;
  created_at: string;
  updated_at: string;
  /**
   * By when an answer is due, in the site's time zone: the category's day, or the planned one the resident was
   * told since. Null where another system answers and promised no day.
   */
  answer_due: string | null;
  /** Open, and the day has passed. What a platform answers never is. */
  overdue: boolean;
  photos: Photo[];
  /** «Me too». */
  supporters: number;
  has_answer: boolean;
  /** The door it came through. */
  source: "widget" | "form" | "georeport" | "platform";
  /** The first official answer. */
  answered_at: string | null;
  /** Published ones. */
  comments: number;
  /** The author's name, where they agreed to publish it (`consent.publish_name`) and have not taken that back. */
  author: string | null;
  /** Whether each answer came by its day, those before a reopening too; null while there is nothing to say. */
  kept: boolean | null;
  /** The promised day of a planned work. */
  expected_on: string | null;
  responsible: string | null;
  /** The number of the problem it was merged into. */
  duplicate_of: number | null;
  /** Whether people may comment. */
  discussion: "off" | "moderated";
  /** Of a problem that came by another system: what that is called. */
  source_name: string | null;
  /** Of a problem that is a platform's own: where it lives. */
  source_url: string | null;
  timeline: Entry[];
  answer: Answer | null;
  title: string;
  answers: Record<string, string | string[]>;
  participants: number;
}
/** A published entry of a collection as lists tell it. */
export interface EntryItem {
  /** Of the site. */
  number: number;
  /** Its page. */
  url: string;
  /** A code of the site's configuration, or one it had. */
  category: string;
  /** As the site calls it; in lists in the site's language. */
  category_name: string;
  description: string;
  address: string | null;
  location: Location | null;
  status: PublicStatus;
  created_at: string;
  updated_at: string;
  /**
   * By when an answer is due, in the site's time zone: the category's day, or the planned one the resident was
   * told since. Null where another system answers and promised no day.
   */
  answer_due: string | null;
  /** Open, and the day has passed. What a platform answers never is. */
  overdue: boolean;
  photos: Photo[];
  /** «Me too». */
  supporters: number;
  has_answer: boolean;
  /** The door it came through. */
  source: "widget" | "form" | "georeport" | "platform";
  /** The first official answer. */
  answered_at?: string | null;
  /** Published ones. */
  comments?: number;
  title: string;
  /** By the code of the question. */
  answers: Record<string, string | string[]>;
  /** Who take part, where visitors can. */
  participants: number;
}
export interface EntryReceipt {
  number: number;
  status: Status;
  received_at: string;
  /** Null where the agency checks entries and answers none. */
  answer_due: string | null;
  /** The author's private page. */
  track_url: string;
  /** To be written down where no e-mail was given. */
  code?: string | null;
  /** Who gets the report, where the site handed it on. */
  receiver?: string;
}
/** RFC 9457. */
export interface Error {
  type: string;
  title: string;
  status: number;
  /** What is wrong and what to do, in the reader's language. */
  detail: string;
  /** For programs. */
  code: string;
  /** The parameter at fault. */
  parameter?: string;
  /** What the parameter takes, where that is one of a few values (at most 50 are named). */
  allowed?: string[];
  errors?: WrongField[];
  /** The origin that is not one of the site's. */
  origin?: string;
  /** Where the site's owner adds it. */
  register_url?: string;
  /** Seconds. */
  retry_after?: number;
}
/** A published problem as lists tell it, with `status_name`; its location is the geometry. */
export interface Feature {
  type: "Feature";
  id: number;
  geometry: GeoPoint | null;
  properties: Record<string, unknown>;
}
/** GeoJSON (RFC 7946). */
export interface FeatureCollection {
  type: "FeatureCollection";
  license: string;
  attribution: string;
  generated_at: string;
  features: Feature[];
}
export interface Follow {
  email: string;
  consent: Consent;
  ticket?: string | null;
  /** The language of letters: `ru` or `en`; anything else is as good as none. */
  lang?: unknown;
}
export interface GeoPoint {
  type: "Point";
  coordinates: [number, number];
}
export interface Join {
  email: string;
  consent: Consent;
  ticket?: string | null;
  /** The language of letters: `ru` or `en`; anything else is as good as none. */
  lang?: unknown;
  /** For the entry's author. */
  name?: string | null;
  /** One of those that the entry names, where it names any. */
  role?: string | null;
  /** For the entry's author. */
  text?: string | null;
}
export interface Kind {
  /** Of the filter `field.support` or `field.help`. */
  key: string;
  name: string;
}
export interface Length {
  min: number;
  max: number;
}
export interface Limits {
  description: Length;
  photos: number;
  photo_bytes: number;
}
export interface Links {
  report: string;
  track: string;
  site: string;
}
export interface Location {
  /** Degrees, WGS 84. */
  lat: number;
  /** Degrees, WGS 84. */
  lng: number;
}
/** Where a map begins. */
export interface Map {
  center: [number, number];
  zoom: number;
  bbox: [number, number, number, number];
  tiles: string | null;
  max_zoom: number | null;
  attribution: string | null;
  /** There is a border to be drawn: /area. */
  outlined: boolean;
}
/** One problem has its `number`, several have their `statuses` and the `bbox` that shows them apart. */
export interface Mark {
  count: number;
  number?: number;
  status?: PublicStatus;
  overdue?: boolean;
  category?: string;
  title?: string;
  statuses?: Record<string, number>;
  bbox?: [number, number, number, number];
}
export interface Marked {
  type: "Feature";
  geometry: GeoPoint;
  properties: Mark;
}
export interface Near {
  /** Of the site. */
  number: number;
  /** Its page. */
  url: string;
  /** A code of the site's configuration, or one it had. */
  category: string;
  /** As the site calls it; in lists in the site's language. */
  category_name: string;
  description: string;
  address: string | null;
  location: Location | null;
  status: PublicStatus;
  created_at: string;
  updated_at: string;
  /**
   * By when an answer is due, in the site's time zone: the category's day, or the planned one the resident was
   * told since. Null where another system answers and promised no day.
   */
  answer_due: string | null;
  /** Open, and the day has passed. What a platform answers never is. */
  overdue: boolean;
  photos: Photo[];
  /** «Me too». */
  supporters: number;
  has_answer: boolean;
  /** The door it came through. */
  source: "widget" | "form" | "georeport" | "platform";
  /** The first official answer. */
  answered_at?: string | null;
  /** Published ones. */
  comments?: number;
  /** Metres. */
  distance: number;
}
export interface NewComment {
  /**
   * Published with `consent.publish_name` alone. The letters of a word are of one alphabet, and it is not the
   * agency's name: else 422.
   */
  name: string;
  text: string;
  email: string;
  consent: Consent;
  ticket?: string | null;
  /** The language of letters: `ru` or `en`; anything else is as good as none. */
  lang?: unknown;
}
/** A report to a collection, which has a title. */
export interface NewEntry {
  /** A code of the site's configuration. */
  category: string;
  description: string;
  location: ReportLocation;
  email?: string | "" | null;
  name?: string | null;
  phone?: string | "" | null;
  /** By the code of the question. */
  answers?: Record<string, unknown> | null;
  /**
   * Left out by a report without e-mail, name and phone, where the site's configuration says `consent.required`
   * = `contacts`. Such a report keeps none, nor the sender's network address.
   */
  consent?: Consent | null;
  photos?: (string | AttachedPhoto)[] | null;
  ticket?: string | null;
  /** The language of letters: `ru` or `en`; anything else is as good as none. */
  lang?: unknown;
  /** Kept without query and fragment; what is no web address is as good as none. */
  page_url?: unknown;
  title: string;
  /** The `by` of an organisation's link, where entries are added by invitation. */
  by?: string | null;
}
/** An empty object. */
export interface Nothing {}
export interface OfCategory {
  total: number;
  open: number;
  resolved: number;
  code: string;
  name: string;
}
export interface OfCoveredDistrict {
  name: string;
  total: number;
  /** Entries by kind of support or help. An entry may have several kinds. */
  counts: Record<string, number>;
  id: string;
}
export interface OfDistrict {
  total: number;
  open: number;
  resolved: number;
  id: string;
  name: string;
}
export interface OfMonth {
  /** In the site's time zone. */
  month: string;
  received: number;
  answered: number;
}
export interface OfRegion {
  name: string;
  total: number;
  /** Entries by kind of support or help. An entry may have several kinds. */
  counts: Record<string, number>;
}
export interface OtherSite {
  name: string;
  agency: string;
  url: string;
}
/** What has become of all reports received in the period, published or not: the parts add up to `received`. */
export interface Outcomes {
  /** Without `unconfirmed`. */
  received: number;
  /** And not erased since. */
  published: number;
  /** Before they were published, marked as spam included. */
  rejected: number;
  /** Before they were published. */
  merged: number;
  withdrawn: number;
  /** Published or undecided ones. */
  erased: number;
  /** For a decision of the agency. */
  waiting: number;
  /** Codes: `abuse`, `personal_data`, `not_a_problem`, `no_place`, `spam`, `other`, `unstated`. */
  rejected_by_reason: Record<string, number>;
  /** Of those that wait: longer than three working days. */
  waiting_long: number;
  /** Their authors were asked to confirm the e-mail address and have not. */
  unconfirmed: number;
  /** Of all received. */
  share_resolved: number | null;
}
/** GeoJSON, longitude first. */
export interface Outline {
  type: "MultiLineString";
  coordinates: [number, number][][];
}
export interface Photo {
  url: string;
  /** At most 480 pixels. */
  thumb: string;
  /** At most 240 pixels; absent of photos from before release 1.1. */
  small?: string;
  width: number;
  height: number;
  /** What it shows, in the sender's words. */
  alt: string | null;
}
export interface Place {
  inside: boolean;
  /** What to do. */
  detail: string | null;
  other: OtherSite | null;
  /** Who gets a report of this place that is sent here all the same. */
  receiver?: string;
  /** What is said of it before sending, in place of the category's text. */
  track?: string;
}
/** A published problem as lists tell it. */
export interface Problem {
  /** Of the site. */
  number: number;
  /** Its page. */
  url: string;
  /** A code of the site's configuration, or one it had. */
  category: string;
  /** As the site calls it; in lists in the site's language. */
  category_name: string;
  description: string;
  address: string | null;
  location: Location | null;
  status: PublicStatus;
  created_at: string;
  updated_at: string;
  /**
   * By when an answer is due, in the site's time zone: the category's day, or the planned one the resident was
   * told since. Null where another system answers and promised no day.
   */
  answer_due: string | null;
  /** Open, and the day has passed. What a platform answers never is. */
  overdue: boolean;
  photos: Photo[];
  /** «Me too». */
  supporters: number;
  has_answer: boolean;
  /** The door it came through. */
  source: "widget" | "form" | "georeport" | "platform";
  /** The first official answer. */
  answered_at?: string | null;
  /** Published ones. */
  comments?: number;
}
export interface Problems {
  items: Problem[];
  /** The `cursor` of the next page. */
  next: string | null;
}
/** Where a published problem stands. */
export type PublicStatus =
  | "accepted"
  | "forwarded"
  | "in_progress"
  | "planned"
  | "resolved"
  | "answered"
  | "redirected"
  | "duplicate"
  | "rejected"
  | "confirmed"
  | "reopened";
/** An attribute of an Open311 service definition: one of the extra questions of a category. */
export interface Question {
  code: string;
  datatype: "string" | "number" | "datetime" | "text" | "singlevaluelist" | "multivaluelist";
  required: boolean;
  description: string;
  hint: string | null;
  order: number;
  values: Choice[];
}
export interface Rating {
  mean: number;
  count: number;
}
export interface Receipt {
  number: number;
  status: Status;
  received_at: string;
  answer_due: string;
  /** The author's private page. */
  track_url: string;
  /** To be written down where no e-mail was given. */
  code?: string | null;
  /** Who gets the report, where the site handed it on. */
  receiver?: string;
}
/**
 * Null is the same as absent. What a site demands beyond this (its categories, their questions, an e-mail, its
 * territory) stands in its configuration.
 */
export interface Report {
  /** A code of the site's configuration. */
  category: string;
  description: string;
  location: ReportLocation;
  email?: string | "" | null;
  name?: string | null;
  phone?: string | "" | null;
  /** By the code of the question. */
  answers?: Record<string, unknown> | null;
  /**
   * Left out by a report without e-mail, name and phone, where the site's configuration says `consent.required`
   * = `contacts`. Such a report keeps none, nor the sender's network address.
   */
  consent?: Consent | null;
  photos?: (string | AttachedPhoto)[] | null;
  ticket?: string | null;
  /** The language of letters: `ru` or `en`; anything else is as good as none. */
  lang?: unknown;
  /** Kept without query and fragment; what is no web address is as good as none. */
  page_url?: unknown;
}
/** Coordinates, or an address, or both. */
export interface ReportLocation {
  lat?: number | null;
  lng?: number | null;
  address?: string | null;
}
export interface Similar {
  items: Near[];
}
export interface Solution {
  /** Base64 of the solved challenge's JSON. */
  challenge: string;
}
/** docs/figures.md defines each number. */
export interface Stats {
  total: number;
  open: number;
  resolved: number;
  overdue: number;
  /** From receipt to an answer. In a district from five answers on. */
  median_days: number | null;
  share_resolved: number | null;
  /** First official answers given in the period. */
  answered: number;
  in_time: number;
  late: number;
  /** Of those in time or late. */
  share_in_time: number | null;
  /** Reopenings by authors in the period. */
  returned: number;
  /** By authors, in the period. From five ratings on. */
  rating: Rating | null;
  /** Calendar hours. In a district from five answers on. */
  median_hours_to_answer: number | null;
  /** Nine of ten answers took no longer. As above. */
  p90_hours_to_answer: number | null;
  /** From receipt to the first decision. As above. */
  median_hours_to_reaction: number | null;
  by_status: Record<string, number>;
  by_category: OfCategory[];
  /** The twelve whole months up to the end of the period, the oldest first. */
  by_month: OfMonth[];
  from: string | null;
  to: string | null;
  district: string | null;
  /** The channel, or the interface a report came through. */
  by_source: Record<string, number>;
  outcomes: Outcomes;
  /** Only where the site has districts. */
  by_district?: OfDistrict[];
}
/** Where a problem stands. */
export type Status =
  | "moderation"
  | "accepted"
  | "forwarded"
  | "in_progress"
  | "planned"
  | "resolved"
  | "answered"
  | "redirected"
  | "duplicate"
  | "rejected"
  | "confirmed"
  | "reopened"
  | "withdrawn";
export interface Support {
  /** Made up by the browser, once for each site. */
  supporter: string;
  ticket?: string | null;
}
export interface Supporters {
  supporters: number;
}
export interface Ticket {
  ticket: string;
  expires_at: string;
}
export interface Track {
  kind: string;
  text: string;
}
/** A form with a photo. */
export interface Upload {
  /** JPEG, PNG, WebP or HEIC, up to 10 MB. */
  file: string;
  ticket?: string;
}
export interface Uploaded {
  /** Attaches the photo to one report within a day. */
  photo: string;
  /** Good for an hour. */
  thumb: string;
  location: Location | null;
}
export interface Vote {
  email: string;
  consent: Consent;
  ticket?: string | null;
  /** The language of letters: `ru` or `en`; anything else is as good as none. */
  lang?: unknown;
  /** Of the age that the collection asks for, and a resident. */
  declared: true;
}
/** When voices are counted: when they are confirmed. */
export interface Voting {
  opens_at: string | null;
  closes_at: string | null;
  /** Voices of a person in the collection, one an entry. */
  per_person: number;
  /** Declared by who votes; null: any. */
  min_age: number | null;
  /** Voices that an entry needs to be considered; null: any number will do. */
  threshold: number | null;
}
export interface WrongField {
  /** Where, «photos.0». */
  field: string;
  code: string;
  detail: string;
  url?: string;
  allowed?: string[];
}
