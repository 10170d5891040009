/** Photos of the report. What handles them comes with the first one, as a chunk of its own. */

import { T } from "../i18n.ts";
import { FieldErrorText } from "../parts/field.tsx";
import { useLater } from "../parts/later.ts";
import type { SectionProps } from "./values.ts";
import { useSite } from "../parts/site.ts";

export function PhotosSection({ errors }: SectionProps) {
  const { language: { t } } = useSite();
  const { load } = useLater("photos");
  return <div class="field" id="photos" tabIndex={-1}>
    <FieldErrorText id="photos" error={errors.photos} />
    <button class="button quiet" type="button" onClick={load}>{t(T.photo_add)}</button>
  </div>;
}
