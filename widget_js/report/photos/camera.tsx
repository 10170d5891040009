/** On a phone: a photo is taken, beside the choice among those that are there. */

import { useRef } from "preact/hooks";
import { useSite } from "../../shared/site.ts";
import type { SectionProps } from "../section.ts";

export const KINDS = "image/jpeg,image/png,image/webp,image/heic,image/heif,.heic,.heif";

/** Milliseconds within which a photo is looked at and given to the page. */
const MOMENTS = 60_000;

const isPhone = () => matchMedia("(pointer: coarse)").matches;

/** Whether it was just taken, by either control; cameras of phones make JPEGs, whose place we can read. */
export const isTaken = (photo: Blob): boolean =>
  isPhone() && photo.type === "image/jpeg" && Date.now() - (photo as File).lastModified < MOMENTS;

export function Camera({ report }: Pick<SectionProps, "report">) {
  const { t } = useSite().language;
  const isShown = useRef(isPhone()).current;
  return isShown ? (
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
