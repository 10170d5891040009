/** Photos of the report. What handles them comes when this can be seen, or when a draft holds some. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { FieldErrorText } from "../shared/ui/field.tsx";
import { useLazy } from "../shared/lazy.ts";
import { useSite } from "../shared/site.ts";
import type { SectionProps } from "./section.ts";

export function PhotosSection(props: SectionProps) {
  const {
    config: { limits },
    language: { lang, t }
  } = useSite();
  const { chunk, failed, load } = useLazy<typeof import("./photos/entry.ts")>("photos");
  const box = useRef<HTMLDivElement>(null);
  const [early, keep] = useState<File[]>([]);
  const pressed = useRef(false);
  useLayoutEffect(() => {
    const watch = new IntersectionObserver(([entry]) => {
      if (entry!.isIntersecting || props.values.photos.length) {
        watch.disconnect();
        void load();
      }
    });
    watch.observe(box.current!);
    return () => watch.disconnect();
  }, []);
  // The section that came with the code has made what takes them.
  useLayoutEffect(() => {
    if (chunk && early.length) props.drafts.photos!.add(early);
  }, [chunk, early]);
  return (
    <div ref={box}>
      <p class="hint" id="photos-hint">
        {t("photo_hint", { n: limits.photos })}
      </p>
      <FieldErrorText id="photos" error={failed ? t("unavailable_server") : props.errors.photos} />
      {/* As high as what comes, or the fields below would slip from under the finger; who stands on the button must
          not fall. */}
      {chunk && <chunk.Photos key={lang} {...props} held={!!box.current && box.current.matches(":focus-within")} />}
      {/* Already a real one, so that the first press opens the chooser. It stays while that may be open, though the
          code arrives. */}
      {(!chunk || (pressed.current && !early.length)) && (
        <div hidden={!!chunk}>
          <p class="actions">
            <label class="button quiet pick">
              {t("photo_add")}
              <input
                id={chunk ? "" : "photos"}
                type="file"
                multiple
                accept="image/*"
                aria-describedby="photos-hint photos-error"
                onClick={() => {
                  pressed.current = true;
                }}
                onChange={event => {
                  keep([...event.currentTarget.files!]);
                  void load();
                }}
              />
            </label>
          </p>
        </div>
      )}
    </div>
  );
}
