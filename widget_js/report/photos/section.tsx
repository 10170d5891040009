/** The section of the form: what was added, and how to add more. */

import { useLayoutEffect, useState } from "preact/hooks";
import type { Place } from "../../shared/contract.ts";
import type { SectionProps } from "../section.ts";
import { Icon } from "../../shared/ui/icon.tsx";
import { useSite } from "../../shared/site.ts";
import { attachments } from "./attachments.tsx";
import { addAnother, List } from "./list.tsx";
import { Picks } from "./pick.tsx";

/** Ways for a desk: files dropped anywhere on the widget, a picture pasted. */
const TRANSFERS = ["paste", "dragover", "drop"];

const written = ({ lat, lng }: Place) => [lat, lng].map(degrees => degrees!.toFixed(6)).join(", ");

/** `held`: the focus was on the button that this takes the place of; `early`: what was chosen with that. */
export function Photos({ held, early, ...props }: SectionProps & { held: boolean; early: File[] }) {
  const site = useSite();
  const {
    config: { limits },
    host,
    language: { t }
  } = site;
  const photos = attachments(site, props);
  const [, draw] = useState({});
  useLayoutEffect(() => photos.follow(() => draw({})), []);
  useLayoutEffect(() => {
    if (held) addAnother(host);
  }, []);
  useLayoutEffect(() => {
    if (early.length) photos.add(early);
  }, [early]);
  useLayoutEffect(() => {
    const root = host.shadowRoot!;
    const take = (event: Event) => {
      const { dataTransfer, clipboardData } = event as DragEvent & ClipboardEvent;
      const { files, types } = (dataTransfer || clipboardData)!;
      if (types.includes("Files")) event.preventDefault();
      if (event.type !== "dragover" && files.length) photos.add([...files]);
    };
    TRANSFERS.forEach(kind => root.addEventListener(kind, take));
    return () => TRANSFERS.forEach(kind => root.removeEventListener(kind, take));
  }, []);
  const { queue, left } = photos;
  const { photoPlace, coordinates } = props.values;
  const taken = photoPlace && coordinates === written(photoPlace);
  // On a phone the question of the place was a step before, so its own offer would never be seen.
  const offered = photoPlace && !coordinates && !host.shadowRoot!.getElementById("address");
  const full = queue.photos.length >= limits.photos;
  return (
    <>
      <List photos={photos} full={full} />
      {offered && (
        <p class="actions">
          <button
            class="button quiet"
            type="button"
            onClick={() => {
              props.set({ coordinates: written(photoPlace) });
              addAnother(host);
            }}>
            <Icon name="place" />
            {t("photo_place")}
          </button>
        </p>
      )}
      <p class="note" role="status">
        {taken && t("photo_placed")}
      </p>
      {left > 0 && (
        <p class="error" role="alert">
          <Icon name="alert" />
          {t("photo_limit", { n: limits.photos })}
        </p>
      )}
      {!full && <Picks bad={!!props.errors.photos} take={files => photos.add(files)} />}
      {queue.volatile && <p class="hint">{t("photo_volatile")}</p>}
    </>
  );
}
