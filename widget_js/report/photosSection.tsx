/** Photos of the report. What handles them comes when this can be seen, or when a draft holds some (form.tsx). */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { FieldErrorText } from "../shared/ui/field.tsx";
import type { Lazy } from "../shared/lazy.ts";
import { useSite } from "../shared/site.ts";
import type { SectionProps } from "./section.ts";

export function PhotosSection(props: SectionProps) {
  const {
    config: { limits },
    language: { lang, t }
  } = useSite();
  const { report } = props;
  const { chunk, failed } = props.photosChunk as Lazy<typeof import("./photos/entry.ts")>;
  const box = useRef<HTMLDivElement>(null);
  const isPressed = useRef(false);
  const [isChosen, setChosen] = useState(false);
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
  const isReady = chunk && report.photos;
  return (
    <div ref={box}>
      <p class="hint" id="photos-hint">
        {t("photo_hint", { n: limits.photos })}
      </p>
      <FieldErrorText id="photos" error={failed ? t("unavailable_server") : props.errors.photos} />
      {/* As high as what comes, or the fields below would slip from under the finger; who stands on the button must
          not fall. */}
      {isReady && (
        <chunk.Photos key={lang} {...props} hadFocus={!!box.current && box.current.matches(":focus-within")} />
      )}
      {/* Already a real one, so that the first press opens the chooser. It stays while that may be open, though the
          code arrives. */}
      {(!isReady || (isPressed.current && !isChosen)) && (
        <div hidden={!!isReady}>
          <p class="actions">
            <label class="button quiet pick">
              {t("photo_add")}
              <input
                id={isReady ? "" : "photos"}
                type="file"
                multiple
                accept="image/*"
                aria-describedby="photos-hint photos-error"
                onClick={() => {
                  isPressed.current = true;
                }}
                onChange={event => {
                  setChosen(true);
                  report.addFiles([...event.currentTarget.files!]);
                }}
              />
            </label>
          </p>
        </div>
      )}
    </div>
  );
}
