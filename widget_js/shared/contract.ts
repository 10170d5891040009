/** Every JSON the widget exchanges with the service, on one screen; `null` and a missing member mean the same. */

export type Maybe<T> = T | null | undefined;
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

/** An attribute of an Open311 service definition: it drives the extra questions of a category. */
export interface Question {
  code: string;
  required: boolean;
  description: string;
  hint?: Maybe<string>;
  order?: number;
  datatype: "string" | "number" | "datetime" | "text" | "singlevaluelist" | "multivaluelist";
  values: { key: string; name: string }[];
}
export interface Category {
  code: string;
  name: string;
  words: string;
  icon: string;
  track: string;
  notice_parts?: Maybe<[text: string, href?: string][]>;
  deadline_days?: number;
  answer_due: string;
  photo_required?: boolean;
  questions: Question[];
}
/** GET /sites/{key}?lang= */
export interface Config {
  name: string;
  type: "basic" | "extended";
  jurisdiction: string;
  agency: { name: string; email?: Maybe<string> };
  time_zone: string;
  language: string;
  languages: string[];
  categories: Category[];
  map?: Maybe<{
    center: [number, number];
    zoom: number;
    bbox?: Maybe<[number, number, number, number]>;
    tiles?: Maybe<string>;
    max_zoom?: Maybe<number>;
    attribution?: Maybe<string>;
    outlined?: boolean;
  }>;
  consent: { version: string; url: string; publish_name: { version: string; url: string } };
  limits: { description: { min: number; max: number }; photos: number };
  contact: "optional" | "required";
  submit: string;
  appeals_url?: Maybe<string>;
  colours?: Maybe<string>;
  statuses: Partial<Record<Status, string>>;
  track: { kind: string; text: string };
  links: { report: string; track: string; site: string };
}
/** GET /sites/{key}/area, where the map is `outlined`: GeoJSON's MultiLineString, longitude first */
export interface Outline {
  coordinates: [lng: number, lat: number][][];
}
/** GET /sites/{key}/challenge: an altcha challenge (SHA-256) */
export interface Challenge {
  algorithm: string;
  challenge: string;
  maxnumber?: number;
  salt: string;
  signature: string;
}
/** POST /sites/{key}/tickets takes {challenge: base64(JSON of Solution)} */
export interface Solution {
  algorithm: string;
  challenge: string;
  number: number;
  salt: string;
  signature: string;
}
export interface Ticket {
  ticket: string;
  expires_at: string;
}

/** GET /sites/{key}/place?lat&lng: whether the site answers for a place; if not, what to do, and who does */
export interface Answerable {
  inside: boolean;
  detail?: Maybe<string>;
  other?: Maybe<{ name: string; agency: string; url: string }>;
}
export interface Place {
  lat?: number;
  lng?: number;
  address?: string | undefined;
}
/** POST /sites/{key}/problems with an Idempotency-Key */
export interface Report {
  category: string;
  description: string;
  location: Place;
  email?: string | undefined;
  name?: string | undefined;
  phone?: string | undefined;
  photos: (string | { photo: string; alt?: string | undefined })[];
  answers: Record<string, string | string[]>;
  consent: { version: string; processing: boolean; publish_name: boolean; name_version?: string };
  ticket?: string;
  lang: string;
  page_url: string;
}
export interface Receipt {
  number: number;
  status: Status;
  received_at: string;
  answer_due: string;
  track_url: string;
  code?: Maybe<string>;
}

/** GET /sites/{key}/problems and /problems/{number} */
export interface Problem {
  number: number;
  url: string;
  category: string;
  category_name: string;
  description: string;
  address?: Maybe<string>;
  location?: Maybe<{ lat: number; lng: number }>;
  status: Status;
  created_at: string;
  updated_at: string;
  answer_due?: Maybe<string>;
  overdue: boolean;
  photos: Photo[];
  supporters: number;
  has_answer: boolean;
  source: string;
}
/** GET /sites/{key}/similar */
export interface Near extends Problem {
  distance: number;
}
export interface Page {
  items: Problem[];
  next?: Maybe<string>;
}
export interface Entry {
  at: string;
  kind: "received" | "status" | "note";
  status?: Maybe<Status>;
  label: string;
  text?: Maybe<string>;
  actor: "resident" | "agent" | "operator" | "platform" | "source" | "system";
  sender?: Maybe<string>;
}
export interface Photo {
  url: string;
  thumb: string;
  small?: Maybe<string>;
  width: number;
  height: number;
  alt?: Maybe<string>;
}
export interface Detail extends Problem {
  timeline: Entry[];
  answer?: Maybe<{
    text: string;
    at: string;
    agency: string;
    photos?: Photo[];
    documents?: { name: string; url: string; bytes: number; type: string }[];
  }>;
  /** The promise of an answer: kept, broken, or nothing to say yet. */
  kept?: Maybe<boolean>;
  answered_at?: Maybe<string>;
  expected_on?: Maybe<string>;
  responsible?: Maybe<string>;
  duplicate_of?: Maybe<number>;
  /** Where the author wants it published. */
  author?: Maybe<string>;
  source_name?: Maybe<string>;
  source_url?: Maybe<string>;
  discussion?: "off" | "moderated";
}

/** RFC 9457, with what this service adds */
export interface ErrorBody {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  code?: string;
  errors?: Maybe<{ field: string; code: string; detail?: string; allowed?: string[] }[]>;
  origin?: string;
  register_url?: string;
  retry_after?: number;
}

/**
 * Of GET /sites/{key}/clusters: one problem has its `number`, several have their `statuses` and the `bbox` that shows
 * them.
 */
export interface Mark {
  count: number;
  number?: number;
  status?: Status;
  overdue?: boolean;
  category?: string;
  title?: string;
  statuses?: Partial<Record<Status, number>>;
  bbox?: [west: number, south: number, east: number, north: number];
}
export interface Clusters {
  features: { geometry: { coordinates: [lng: number, lat: number] }; properties: Mark }[];
  total: number;
  partial?: boolean;
}

/** GET /sites/{key}/stats: twelve months, the oldest first, `YYYY-MM` in UTC; days from receipt to an answer */
export interface Stats {
  total: number;
  open: number;
  resolved: number;
  overdue: number;
  by_status: Partial<Record<Status, number>>;
  by_category: { code: string; name: string; total: number; open: number; resolved: number }[];
  by_month: { month: string; received: number; answered: number }[];
  median_days?: Maybe<number>;
  share_resolved?: Maybe<number>;
}

/** GET /sites/{key}/problems/{number}/comments, oldest first */
export interface Comment {
  name: string;
  text: string;
  at: string;
  official: boolean;
  agency?: Maybe<string>;
}
export interface Comments {
  items: Comment[];
  next?: Maybe<string>;
}
