/** What the sections of the form have in common. */

import type { Place } from "../shared/contract.ts";
import type { Lazy } from "../shared/lazy.ts";
import type { ReportSession } from "./session.ts";
import type { Contacts, Point, Values } from "./values.ts";

/** What every section of the form is given. */
export interface SectionProps {
  values: Values;
  errors: Record<string, string>;
  set: (change: Partial<Values>) => void;
  report: ReportSession;
  /** The chunk of the photos (photos/entry.ts), whose modules know this one. */
  photosChunk: Lazy<object>;
  /** The chunk of what is needed later (later.ts). */
  laterChunk: Lazy<object>;
  /** Goes on to the next step, where one is shown at a time. */
  goOn: (() => unknown) | undefined;
  /** Leads to a control, wherever it is. */
  visit: (control: string) => void;
  /** The coordinates; null where they are none. */
  place: Point | null;
  /** What the service says of them; null before it has answered. */
  area: Place | null;
}
/** What ties a line of text to its control. */
export const bind = (
  { values, errors, set }: SectionProps,
  id: "subject" | "description" | "address" | keyof Contacts
) => ({ id, value: values[id], error: errors[id], onChange: (value: string) => set({ [id]: value }) });
