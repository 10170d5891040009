/** What the person has typed, and how it becomes the report of the API. */

import type { Category, Configuration, ReportLocation, Report } from "../shared/contract.ts";
import { json } from "../shared/json.ts";
import type { Site } from "../shared/site.ts";

/** What says who somebody is; a draft keeps it apart from all else. */
export const CONTACTS = ["email", "name", "phone"] as const;
export type Contacts = Record<(typeof CONTACTS)[number], string>;
/**
 * A picture of the report. Without `token` it is on its way; a report that was received went without it, since the
 * service had no room.
 */
export interface Photo {
  id: string;
  token?: string | undefined;
  alt: string;
  /** When the service received it, in milliseconds. */
  uploadedAt?: number | undefined;
  thumb?: string;
  place?: ReportLocation | null | undefined;
}
export interface Values extends Contacts {
  category: string;
  /** The title of an entry of a collection. */
  subject: string;
  description: string;
  address: string;
  coordinates: string;
  /** By the code of the question; `withoutPrototype`. */
  answers: Record<string, string | string[]>;
  photos: Photo[];
  /** Where a photo was taken, as its own data say: an offer, not an answer. */
  photoPlace?: ReportLocation | null | undefined;
  /** After a photo was taken the device's place was offered, and accepted or declined: nobody is asked twice. */
  hereAnswered?: boolean;
  /** The house by which the address or the coordinates were `filled` in, and with which other of the two. */
  house?: { address: string; coordinates: string; filled: "address" | "coordinates" };
  consent: boolean;
  publish: boolean;
}

/**
 * `step` is the section one is in; `id` is the Idempotency-Key; `sent` is a report that went out and whose fate is
 * unknown; `waits` is one that goes out by itself, `since` when (milliseconds). `written` names the values that the
 * person has given, and not the page.
 */
export interface Draft {
  values: Values;
  step: number;
  id: string;
  written: string[];
  sent?: Report | undefined;
  waits?: Report | undefined;
  since?: number | undefined;
}

/** What the person has written; where and how it is sent may differ. */
export const contentOf = (report?: Partial<Report | Values>): string => json({ ...report, lang: "", page_url: "" });

/** An empty text is an absent one. */
const trimmed = (text: string) => text.trim() || undefined;

/** The contacts of `values` alone, each as `read` makes it; as the API wants them where left out. */
export function contacts<T = string | undefined>(
  values: Contacts,
  read: (text: string) => T = trimmed as (text: string) => T
): Record<keyof Contacts, T> {
  return Object.fromEntries(CONTACTS.map(name => [name, read(values[name])])) as Record<keyof Contacts, T>;
}

/** The same without a prototype: a question's code may be the name of a member that every object has. */
export const withoutPrototype = (answers: Values["answers"]): Values["answers"] =>
  ({ __proto__: null, ...answers }) as unknown as Values["answers"];

/** All but those that the page leaves out (its attribute `hide`); the e-mail always where the site needs it. */
export const askedContacts = ({ options, config }: Pick<Site, "options" | "config">): (keyof Contacts)[] =>
  CONTACTS.filter(name => !options.hidden.includes(name) || (name === "email" && config.contact === "required"));

export const empty: Values = {
  category: "",
  subject: "",
  description: "",
  address: "",
  coordinates: "",
  answers: withoutPrototype({}),
  photos: [],
  email: "",
  name: "",
  phone: "",
  consent: false,
  publish: false
};

export type Point = { lat: number; lng: number };

/** «55,0952; 38.7688», «55.0952 38.7688», «55.0952, 38.7688»: latitude, then longitude. */
export function coordinates(text: string): Point | null {
  const found = /^\s*(-?[\d.,]*\d)°?[;,\s]+(-?[\d.,]*\d)°?\s*$/.exec(text);
  if (!found) return null;
  const [lat, lng] = [found[1]!, found[2]!].map(part => Number(part.replace(",", "."))) as [number, number];
  return Math.abs(lat) <= 90 && Math.abs(lng) <= 180 ? { lat, lng } : null;
}

/** The category that was picked, an empty one before. */
export const chosen = (config: Configuration, values: Values): Partial<Category> & Pick<Category, "questions"> =>
  config.categories.find(category => category.code === values.category) || { questions: [] };

function answers({ questions }: Pick<Category, "questions">, values: Values): Report["answers"] {
  const result: Report["answers"] = {};
  for (const { code } of questions) {
    const value = values.answers[code];
    if (value && value.length) result[code] = value;
  }
  return result;
}

/** The service keeps neither consent nor network address where this says no. */
export const needsConsent = ({ consent }: Configuration, values: Contacts): boolean =>
  consent.required !== "contacts" || CONTACTS.some(name => values[name]);

export const report = (
  config: Configuration,
  values: Values,
  lang: string
): Report & { title: string | undefined } => ({
  category: values.category,
  title: trimmed(values.subject),
  description: values.description.trim(),
  location: { ...coordinates(values.coordinates), address: trimmed(values.address) },
  ...contacts(values),
  photos: values.photos.filter(({ token }) => token).map(({ token, alt }) => ({ photo: token!, alt })),
  answers: answers(chosen(config, values), values),
  consent: {
    version: config.consent.version,
    processing: values.consent as true,
    publish_name: values.publish && !!trimmed(values.name),
    name_version: config.consent.publish_name.version
  },
  lang,
  page_url: location.origin + location.pathname
});
