/** On a phone: a photo is taken, beside the choice among those that are there. */

import { useRef } from "preact/hooks";
import { useSite } from "../../shared/site.ts";
import type { SectionProps } from "../section.ts";

export const KINDS = "image/jpeg,image/png,image/webp,image/heic,image/heif,.heic,.heif";

export function Camera({ report }: Pick<SectionProps, "report">) {
  const { t } = useSite().language;
  const isPhone = useRef(matchMedia("(pointer: coarse)").matches).current;
  return isPhone ? (
    <label class="button quiet pick">
      {t("photo_take")}
      <input
        type="file"
        accept={KINDS}
        capture="environment"
        aria-describedby="photos-hint"
        onChange={event => {
          report.addFiles([...event.currentTarget.files!]);
          event.currentTarget.value = "";
        }}
      />
    </label>
  ) : null;
}
