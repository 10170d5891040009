/** What the sections of the form have in common. */

import type { Drafts } from "./draft.ts";
import type { Contacts, Values } from "./values.ts";

/** What every section of the form is given. */
export interface SectionProps {
  values: Values;
  errors: Record<string, string>;
  set: (change: Partial<Values>) => void;
  drafts: Drafts;
  /** Leads to a control, wherever it is. */
  visit: (control: string) => void;
}
/** What ties a line of text to its control. */
export const bind = (
  { values, errors, set }: SectionProps,
  id: "description" | "address" | "coordinates" | keyof Contacts
) => ({ id, value: values[id], error: errors[id], onChange: (value: string) => set({ [id]: value }) });
