/** Photos of the report. What handles them comes when this can be seen, or when a draft holds some. */

import { useEffect, useRef } from "preact/hooks";
import { T } from "../i18n.ts";
import { FieldErrorText } from "../parts/field.tsx";
import { useLater } from "../parts/later.ts";
import { useSite } from "../parts/site.ts";
import type { SectionProps } from "./values.ts";

export function PhotosSection(props: SectionProps) {
  const { language: { t } } = useSite();
  const { chunk, failed, load } = useLater("photos");
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    new IntersectionObserver(([entry], watch) => {
      if (entry!.isIntersecting || props.values.photos.length) {
        watch.disconnect();
        void load();
      }
    }).observe(box.current!);
  }, []);
  return <div ref={box}>
    <FieldErrorText id="photos" error={failed ? t(T.unavailable_server) : props.errors.photos} />
    {/* As high as what comes, or the fields below would slip from under the finger; who stands on the button must not fall. */}
    {chunk ? <chunk.Photos {...props} held={box.current!.matches(":focus-within")} />
      : <><p class="hint">&nbsp;</p><p class="actions"><button class="button quiet" id="photos" type="button" onClick={load}>{t(T.photo_add)}</button></p></>}
  </div>;
}
