/** The photos as small pictures, where they are looked over before sending. */

import { useLayoutEffect, useState } from "preact/hooks";
import type { Attachments } from "./attachments.ts";
import { Preview } from "./preview.tsx";

export function Thumbs({ photos }: { photos: Attachments }) {
  const [, draw] = useState({});
  useLayoutEffect(() => photos.follow(() => draw({})), [photos]);
  return (
    <div class="thumbs">
      {photos.queue.photos.map(photo => (
        <Preview key={photo.id} photo={photo} />
      ))}
    </div>
  );
}
