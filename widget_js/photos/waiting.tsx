/** Beside the submit button while a report waits for its photos. */

import { useEffect, useState } from "preact/hooks";
import { T } from "../i18n.ts";
import { useSite } from "../parts/site.ts";
import type { Attachments } from "./attachments.ts";

export function Waiting() {
  const { drafts, language: { t } } = useSite();
  const photos = drafts.photos as Attachments;
  const { queue } = photos;
  const [, draw] = useState({});
  useEffect(() => photos.follow(() => draw({})), []);
  const done = queue.photos.filter(({ state }) => state === "done").length;
  const unfinished = queue.photos.filter(({ state }) => state !== "done" && state !== "failed");
  if (!unfinished.length) return null;
  return <div class="panel">
    <p role="status">{t(T.photo_wait, { n: done, of: queue.photos.length })}
      {unfinished.some(({ offline }) => offline) && " " + t(T.photo_offline)}</p>
    <p class="actions"><button class="button quiet" type="button" onClick={() => unfinished.forEach(photo => queue.remove(photo))}>{t(T.photo_skip)}</button></p>
  </div>;
}
