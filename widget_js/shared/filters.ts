/** What of the city's problems is asked for: by the names of the API, which are those of the address too. */

import { statuses } from "../../widget_api/statuses.json";
import type { Status } from "./contract.ts";

export interface Filters {
  /** Statuses or groups of them, a comma list. */
  status?: string;
  /** Codes, a comma list. */
  category?: string;
  /** The id of one of the site's districts. */
  district?: string;
  /** Received from this day, and up to and with that day: local `YYYY-MM-DD`. */
  since?: string;
  until?: string;
  /** `true`, or absent. */
  overdue?: string;
  q?: string;
  sort?: string;
  /** Of a collection: `code:key`, a comma list; `past:true` of a dated one. */
  answers?: string;
  /** west,south,east,north in degrees. */
  bbox?: string;
}

/** The service's groups of statuses, as people follow a problem. */
export type Group = "new" | "working" | "done" | "closed";
export const GROUPS: Record<Group, Status[]> = { new: [], working: [], done: [], closed: [] };
for (const [status, [, , group]] of Object.entries(statuses)) if (group) GROUPS[group as Group].push(status as Status);

const known = [...Object.keys(GROUPS), ...Object.values(GROUPS).flat()].join("|");
const STATUSES = new RegExp(`^(${known})(,(${known}))*$`);
const DAY = /^\d{4}-\d\d-\d\d$/;
/**
 * In the order in which they are written, and what each may hold: a hand-made address must not make the service
 * refuse.
 */
const FORMS: Record<keyof Filters, RegExp> = {
  status: STATUSES,
  category: /^[\w,-]+$/,
  district: /^[\da-f-]{36}$/,
  since: DAY,
  until: DAY,
  overdue: /^true$/,
  q: /\S/,
  sort: /^(updated|support|due)$/,
  answers: /^[\w-]+:[^,]+(,[\w-]+:[^,]+)*$/,
  bbox: /^-?\d{1,3}(\.\d+)?(,-?\d{1,3}(\.\d+)?){3}$/
};
const NAMES = Object.keys(FORMS) as (keyof Filters)[];
/** Characters of a search; the service takes no more either. */
export const LONGEST = 200;

/** `status=new&q=…`, always in one order, without a question mark; empty where nothing is chosen. */
export function query(filters: Filters): string {
  const made = new URLSearchParams();
  for (const name of NAMES) if (filters[name]) made.set(name, filters[name]);
  return String(made);
}

/** What can be understood of it; the rest is left out. */
export function parse(text: string): Filters {
  const given = new URLSearchParams(text);
  const filters: Filters = {};
  for (const name of NAMES) {
    const value = (given.get(name) || "").trim().slice(0, LONGEST);
    if (FORMS[name].test(value)) filters[name] = value;
  }
  // No day is in such a period, and the service refuses it.
  if (filters.since! > filters.until!) delete filters.until;
  return filters;
}

/** A comma list with `value` put in, or taken out where it was. */
export function toggled(list: string | undefined, value: string): string {
  const all = list ? list.split(",") : [];
  return (all.includes(value) ? all.filter(one => one !== value) : [...all, value]).join();
}

const MILLISECONDS = 86_400_000;
/** Days of a period, today among them. */
const PERIODS = { week: 7, month: 30, year: 365 };
export type Period = keyof typeof PERIODS;

/** The first day of a period that ends with `today`. */
export const begins = (period: Period, today: string): string =>
  new Date(Date.parse(today) - (PERIODS[period] - 1) * MILLISECONDS).toISOString().slice(0, 10);

/** Which period the two days are; `own` where they are none. */
export function period({ since, until }: Filters, today: string): Period | "own" | "" {
  if (!since && !until) return "";
  const names = Object.keys(PERIODS) as Period[];
  return (!until && names.find(name => begins(name, today) === since)) || "own";
}

/** Today where the city is. */
export const today = (timeZone: string): string => new Intl.DateTimeFormat("sv", { timeZone }).format();
