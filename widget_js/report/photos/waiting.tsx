/** Beside the submit button while a report waits for its photos. */

import { useLayoutEffect, useState } from "preact/hooks";
import { useSite } from "../../shared/site.ts";
import type { Queue } from "./queue.ts";

interface Pending {
  queue: Queue;
  follow(listener: () => void): () => void;
}

export function Waiting({ photos }: { photos: Pending }) {
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
