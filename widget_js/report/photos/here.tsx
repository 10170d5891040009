/**
 * «Здесь?»: phones strip the place of a photo before a page gets it (whatwg/html, issue 11724). After one was taken the
 * device's own place is offered, once: the browser asks for leave only when the person has heard why.
 */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { focusOn, show } from "../../shared/focus.ts";
import { locatable } from "../../shared/geolocation.ts";
import { useSite } from "../../shared/site.ts";
import { Words } from "../../shared/ui/words.tsx";
import { useOutside } from "../outside.tsx";
import type { SectionProps } from "../section.ts";
import type { Attachments } from "./attachments.ts";
import { addAnother } from "./list.tsx";

export function Here(props: SectionProps & { photos: Attachments }) {
  const { report, values, photos, goOn } = props;
  const {
    host,
    language: { t }
  } = useSite();
  const [isAsked, setAsked] = useState(false);
  const [isRefused, setRefused] = useState(false);
  const outside = useOutside(props);
  const { state } = report.position;
  const isOffered =
    !(values.hereAnswered || values.coordinates || values.photoPlace || isRefused) &&
    locatable() &&
    photos.queue.photos.some(photo => photo.isTaken && photo.state !== "preparing");
  useLayoutEffect(() => {
    // Where the browser has been told never to ask, a press would do nothing.
    if (isOffered && navigator.permissions)
      navigator.permissions.query({ name: "geolocation" }).then(
        permission => setRefused(permission.state === "denied"),
        () => {}
      );
  }, [isOffered]);
  const panel = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (isOffered) show(panel.current!);
  }, [isOffered]);
  // Refused: what had the focus is gone.
  useLayoutEffect(() => {
    if (isAsked && !state && !host.shadowRoot!.activeElement) focusOn(host, "photos");
  }, [state]);

  const answer = (isHere: boolean) => {
    report.set({ hereAnswered: true });
    setAsked(isHere);
    if (!isHere) return addAnother(host);
    report.locate(true);
    focusOn(host, "here");
  };
  const title = isOffered
    ? t("here_title")
    : isAsked && state === "asked"
      ? t("locating")
      : isAsked && state === "found"
        ? t("here_placed")
        : // Beside it, where all is shown at once, the map says so.
          isAsked && goOn && outside;
  return (
    <>
      <p class="away" role="status">
        <Words>{isOffered ? `${t("here_title")} ${t("here_hint")}` : state !== "asked" && title}</Words>
      </p>
      {title && (
        <div class="panel" ref={panel}>
          <p class={isOffered ? "label" : ""} id="here" tabIndex={-1}>
            <Words>{title}</Words>
          </p>
          {isOffered && (
            <>
              <p class="hint">{t("here_hint")}</p>
              <p class="actions">
                <button class="button quiet" type="button" onClick={() => answer(true)}>
                  {t("here_yes")}
                </button>
                <button class="button quiet" type="button" onClick={() => answer(false)}>
                  {t("here_no")}
                </button>
              </p>
            </>
          )}
        </div>
      )}
    </>
  );
}
