/** What a screen reader hears of the photos: each start, each end, once; the percents in between are for the eyes. */

import type { Photo } from "./queue.ts";

export class Announcer {
  text = "";
  private readonly announced: Record<string, boolean> = {};

  /** `words` says what there is to be said of a photo in its present state. */
  follow(photos: Photo[], words: (photo: Photo) => string): void {
    for (const photo of photos) {
      const mark = photo.id + photo.state;
      if (photo.state === "preparing" || this.announced[mark]) continue;
      this.announced[mark] = true;
      this.text = words(photo);
    }
  }
}
