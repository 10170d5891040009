/** Beside the submit button while a report waits for its photos. */

import { useLayoutEffect, useState } from "preact/hooks";
import { useSite } from "../../shared/site.ts";
import type { Photos } from "../session.ts";
import type { Attachments } from "./attachments.ts";

export function Waiting(props: { photos: Photos }) {
  const photos = props.photos as Attachments;
  const {
    language: { t }
  } = useSite();
  const { queue } = photos;
  const [, draw] = useState({});
  useLayoutEffect(() => photos.follow(() => draw({})), [photos]);
  const done = queue.photos.filter(({ state }) => state === "done").length;
  const unfinished = queue.unfinished();
  if (!unfinished.length) return null;
  return (
    <div class="panel">
      <p role="status">
        {t("photo_wait", { n: done, of: queue.photos.length })}
        {unfinished.some(({ offline }) => offline) && " " + t("photo_offline")}
      </p>
      <p class="actions">
        <button class="button quiet" type="button" onClick={() => unfinished.forEach(photo => queue.remove(photo))}>
          {t("photo_skip")}
        </button>
      </p>
    </div>
  );
}
