/** What a screen reader hears of the photos: each start, each end, once; the percents in between are for the eyes. */

import type { Photo } from "./queue.ts";

export class Announcer {
  text = "";
  private readonly announced: Record<string, boolean> = {};
  /** The photo that the text is about. */
  private subject: Photo | undefined;

  /** `words` says what there is to be said of a photo in its present state. */
  follow(photos: Photo[], words: (photo: Photo) => string): void {
    for (const photo of photos) {
      const mark = photo.id + photo.state;
      if (photo.state === "preparing" || this.announced[mark]) continue;
      this.announced[mark] = true;
      this.text = words(photo);
      this.subject = photo;
    }
    // Why it was refused is told beside the control.
    if (this.subject && !photos.includes(this.subject)) this.say("");
  }

  say(text: string): void {
    this.text = text;
    this.subject = undefined;
  }
}
