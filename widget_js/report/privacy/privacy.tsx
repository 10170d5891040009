/** Personal data in the public text: what is there, and a press that moves contacts to where nobody else reads them. */

import { useMemo, useState } from "preact/hooks";
import { focusOn } from "../../shared/focus.ts";
import { useSite } from "../../shared/site.ts";
import { nameKinds, PrivacyNotice } from "../../shared/ui/privacyNotice.tsx";
import type { SectionProps } from "../section.ts";
import { askedContacts, type Values } from "../values.ts";
import { findInReport, moveContacts } from "./move.ts";

/** One press takes the place of the other: it keeps the focus. */
const BUTTON = "privacy";

export function Privacy({ values, set }: Pick<SectionProps, "values" | "set">) {
  const site = useSite();
  const { host, language } = site;
  const { t } = language;
  const [last, setLast] = useState<{ before: Partial<Values>; after: Partial<Values>; what: string }>();
  const asked = askedContacts(site);
  const { subject, description, phone, email } = values;
  const found = useMemo(() => findInReport(values), [subject, description]);
  const { moved, change } = useMemo(
    () => moveContacts(values, asked),
    [subject, description, phone, email, asked.join()]
  );
  const names = Object.keys(change) as (keyof typeof change)[];
  const what = nameKinds(moved, language);
  // What was changed since is not taken back.
  const isLast = last && Object.entries(last.after).every(([name, value]) => values[name as keyof Values] === value);
  const button = (text: string, act: () => void) => (
    <p class="actions">
      <button
        class="button quiet"
        type="button"
        id={BUTTON}
        onClick={() => {
          act();
          focusOn(host, BUTTON, "description");
        }}>
        {text}
      </button>
    </p>
  );
  return (
    <PrivacyNotice found={found} done={isLast ? t("private_moved", { what: last.what }) : undefined}>
      {moved.length > 0
        ? button(t("private_move", { what }), () => {
            setLast({ before: Object.fromEntries(names.map(name => [name, values[name]])), after: change, what });
            set(change);
          })
        : isLast && button(t("private_undo"), () => set(last.before))}
    </PrivacyNotice>
  );
}
