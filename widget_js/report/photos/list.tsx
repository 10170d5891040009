/** The photos as they are: each with its picture, how far it is, what is on it, and the way to be rid of it. */

import { useRef } from "preact/hooks";
import type { Language } from "../../shared/i18n.ts";
import { TextField } from "../../shared/ui/field.tsx";
import { Icon } from "../../shared/ui/icon.tsx";
import { useSite } from "../../shared/site.ts";
import { focusOn } from "../../shared/focus.ts";
import { Announcer } from "./announce.ts";
import type { Attachments } from "./attachments.ts";
import { Preview } from "./preview.tsx";
import type { Photo } from "./queue.ts";

function status({ state, sent, offline, reason }: Photo, { t }: Language): string {
  return state === "done"
    ? t("photo_done")
    : state === "paused"
      ? reason!
      : state === "waiting"
        ? t(offline ? "photo_offline" : "photo_server")
        : state === "sending"
          ? t("photo_sending", { n: Math.round(sent * 100) })
          : t("photo_preparing");
}

const DONE = "M4 12.5l5 5L20 7";

/** The focus goes where photos are added. */
export const addAnother = (host: HTMLElement): void => host.shadowRoot!.getElementById("photos")!.focus();

/** `full`: there is no control to add more, so what is wrong with photos leads here. */
export function List({ photos, full }: { photos: Attachments; full: boolean }) {
  const { host, language } = useSite();
  const { t } = language;
  const { queue } = photos;
  const announcer = useRef(new Announcer()).current;
  const words = (photo: Photo) => status(photo, language);
  announcer.follow(
    queue.photos,
    photo => `${photos.name(photo)}. ${photo.state === "sending" ? t("photo_started") : words(photo)}`
  );
  const remove = (photo: Photo) => {
    announcer.say(t("photo_removed", { name: photos.name(photo) }));
    queue.remove(photo);
    // Its button is gone.
    setTimeout(addAnother, 0, host);
  };
  return (
    <>
      <ul id={full ? "photos" : undefined} tabIndex={-1}>
        {queue.photos.map((photo, index) => {
          const { state, alt, sent } = photo;
          const id = "photos." + photo.id;
          return (
            <li class="photo" key={photo.id}>
              <Preview photo={photo} />
              <div>
                <p class="label" id={id + "-name"}>
                  {photos.name(photo)}
                </p>
                {state === "sending" && <progress value={sent || 0.01} aria-labelledby={id + "-name"} />}
                <p class="state" id={id + "-state"}>
                  {state === "done" ? (
                    <Icon path={DONE} />
                  ) : (
                    ["waiting", "paused"].includes(state) && <Icon name="alert" />
                  )}
                  {words(photo)}
                </p>
                {(state === "waiting" || state === "paused") && (
                  <button
                    class="link"
                    type="button"
                    id={id + "-again"}
                    aria-labelledby={`${id}-again ${id}-name`}
                    onClick={() => {
                      queue.retry([photo]);
                      focusOn(host, id);
                    }}>
                    {t("retry")}
                  </button>
                )}
                <button
                  class="link"
                  type="button"
                  id={id}
                  aria-labelledby={`${id} ${id}-name`}
                  aria-describedby={id + "-state"}
                  onClick={() => remove(photo)}>
                  {t("photo_remove")}
                </button>
              </div>
              <TextField
                id={id + "-alt"}
                label={t("photo_alt", { n: index + 1 })}
                optional
                value={alt}
                autoComplete="off"
                onChange={text => queue.describe(photo, text)}
              />
            </li>
          );
        })}
      </ul>
      <p class="away" role="status">
        {announcer.text}
      </p>
    </>
  );
}
