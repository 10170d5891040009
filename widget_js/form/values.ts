/** What the person has typed, and how it becomes the report of the API. */

import type { Category, Config, Place, Report } from "../contract.ts";

export interface Contacts { email: string; name: string; phone: string }
export interface Values extends Contacts {
  category: string; description: string; address: string; coordinates: string;
  answers: Record<string, string | string[]>;
  consent: boolean; publish: boolean;
}
export const empty: Values = {
  category: "", description: "", address: "", coordinates: "", answers: {},
  email: "", name: "", phone: "", consent: false, publish: false,
};

/** «55,0952; 38.7688», «55.0952 38.7688», «55.0952, 38.7688»: latitude, then longitude. */
export function coordinates(text: string): { lat: number; lng: number } | null {
  const found = /^\s*(-?\d{1,2}(?:[.,]\d+)?)°?\s*[;,\s]\s*(-?\d{1,3}(?:[.,]\d+)?)°?\s*$/.exec(text);
  if (!found) return null;
  const [lat, lng] = [found[1]!, found[2]!].map(part => Number(part.replace(",", "."))) as [number, number];
  return Math.abs(lat) <= 90 && Math.abs(lng) <= 180 ? { lat, lng } : null;
}

export const chosen = (config: Config, values: Values): Category | undefined =>
  config.categories.find(category => category.code === values.category);

function answers(category: Category | undefined, values: Values): Report["answers"] {
  const result: Report["answers"] = {};
  for (const { code, datatype } of category?.questions ?? []) {
    const value = values.answers[code];
    if (!value?.length) continue;
    // The control gives a local time without a zone; Open311 wants a moment.
    result[code] = datatype === "datetime" && typeof value === "string" ? new Date(value).toISOString() : value;
  }
  return result;
}

export function report(config: Config, values: Values, lang: string, pageUrl: string): Report {
  const { description, address, email, name, phone, consent, publish } = values;
  const location: Place = { ...coordinates(values.coordinates) };
  if (address.trim()) location.address = address.trim();
  return {
    category: values.category,
    description: description.trim(),
    location,
    ...(email.trim() && { email: email.trim() }),
    ...(name.trim() && { name: name.trim() }),
    ...(phone.trim() && { phone: phone.trim() }),
    photos: [],
    answers: answers(chosen(config, values), values),
    consent: { version: config.consent.version, processing: consent, publish_name: publish && !!name.trim() },
    lang,
    page_url: pageUrl,
  };
}
