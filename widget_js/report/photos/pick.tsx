/** Where files come from: the camera of a phone, or a choice among what is there. */

import { useRef } from "preact/hooks";
import { useSite } from "../../shared/site.ts";

const KINDS = "image/jpeg,image/png,image/webp,image/heic,image/heif,.heic,.heif";

/** The control itself lies over its button, unseen: it needs no script, and files may be dropped on it. */
function Pick({
  id,
  text,
  camera,
  bad,
  take
}: {
  id: string;
  text: string;
  camera?: boolean;
  bad: boolean;
  take: (files: File[]) => void;
}) {
  return (
    <label class="button quiet pick">
      {text}
      <input
        id={id}
        type="file"
        accept={KINDS}
        multiple={!camera}
        {...(camera ? { capture: "environment" } : {})}
        aria-describedby="photos-hint photos-error"
        aria-invalid={bad || undefined}
        onChange={event => {
          take([...event.currentTarget.files!]);
          // The same file may be chosen again.
          event.currentTarget.value = "";
        }}
      />
    </label>
  );
}

export function Picks({ bad, take }: { bad: boolean; take: (files: File[]) => void }) {
  const {
    language: { t }
  } = useSite();
  const phone = useRef(matchMedia("(pointer: coarse)").matches).current;
  return (
    <div class="actions">
      {phone && <Pick id="photos-camera" text={t("photo_take")} camera bad={bad} take={take} />}
      <Pick id="photos" text={t("photo_add")} bad={bad} take={take} />
    </div>
  );
}
