/** Photos of the report. What handles them comes when this can be seen, or when a draft holds some (form.tsx). */

import { useLayoutEffect, useRef } from "preact/hooks";
import { described, FieldErrorText } from "../shared/ui/field.tsx";
import type { Lazy } from "../shared/lazy.ts";
import { useSite } from "../shared/site.ts";
import type { SectionProps } from "./section.ts";

export function PhotosSection(props: SectionProps) {
  const {
    config: { limits },
    language: { lang, t }
  } = useSite();
  const { report, values } = props;
  const { chunk, failed } = props.photosChunk as Lazy<typeof import("./photos/entry.ts")>;
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const watch = new IntersectionObserver(([entry]) => {
      if (entry!.isIntersecting) {
        watch.disconnect();
        void report.loadPhotos();
      }
    });
    watch.observe(box.current!);
    return () => watch.disconnect();
  }, []);
  const photos = chunk && report.photos && chunk;
  const error = failed ? t("unavailable_server") : props.errors.photos;
  return (
    <div ref={box}>
      <p class="hint" id="photos-hint">
        {t("photo_hint", { n: limits.photos })}
      </p>
      <FieldErrorText id="photos" error={error} />
      {photos && (
        <photos.Photos key={lang} {...props} hadFocus={!!box.current && box.current.matches(":focus-within")} />
      )}
      {values.photos.length < limits.photos && (
        <p class="actions">
          {photos && <photos.Camera report={report} />}
          {/* The control itself lies over its button, unseen: it needs no script, so that the first press opens the
              chooser, and it stays while that is open, though the code arrives. Files may be dropped on it. */}
          <label class="button quiet pick">
            {t("photo_add")}
            <input
              id="photos"
              type="file"
              multiple
              accept={photos ? photos.KINDS : "image/*"}
              {...described({ id: "photos", hint: "photos", error })}
              onChange={event => {
                report.addFiles([...event.currentTarget.files!]);
                // The same file may be chosen again.
                event.currentTarget.value = "";
              }}
            />
          </label>
        </p>
      )}
    </div>
  );
}
