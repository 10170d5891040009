/**
 * Photos that another application has shared: the service worker keeps them until the person lets the form take them
 * over here.
 */

import { Drafts } from "../report/drafts.ts";
import { faultOf, locate, shrink } from "../report/photos/shrink.ts";
import { Store } from "../report/photos/store.ts";
import { empty, type Photo } from "../report/values.ts";
import { randomKey } from "../shared/key.ts";

const nameOf = (key: string) => `/s/${key}/share`;

/** Something was shared and is not taken yet. */
export const wasShared = async (key: string): Promise<boolean> => {
  try {
    return await caches.has(nameOf(key));
  } catch {
    return false;
  }
};

/** Erases it; nothing is missing then. */
export async function dropShared(key: string, form: string): Promise<boolean> {
  history.replaceState(history.state, "", form);
  await caches.delete(nameOf(key));
  return true;
}

/**
 * Makes a draft of them, as if they had been chosen in the form of this tab, which goes on with it by itself; the cache
 * is erased. Resolves with whether anything was taken.
 */
export async function takeShared(key: string, form: string): Promise<boolean> {
  const name = nameOf(key);
  history.replaceState(history.state, "", form);
  try {
    const cache = await caches.open(name);
    const answers = await Promise.all((await cache.keys()).map(request => cache.match(request)));
    const parts = await Promise.all(answers.map(answer => answer!.blob()));
    const texts = parts.filter(({ type }) => /^text\//.test(type));
    const description = (await Promise.all(texts.map(text => new Response(text).text()))).join("\n");
    const pictures = parts.filter(part => !texts.includes(part) && !faultOf(part, false));
    if (!pictures.length && !description) return false;
    const drafts = new Drafts(key);
    const photos: Photo[] = [];
    const draft = { id: randomKey(), step: 0, written: ["photos", ...(description ? ["description"] : [])] };
    const write = () => drafts.write({ ...draft, values: { ...empty, description, photos } }, form);
    write();
    const store = new Store(() => (drafts.isStored ? drafts.name : undefined));
    for (const picture of pictures) {
      const photo = { id: randomKey(), alt: "", place: await locate(picture).catch(() => undefined) };
      await store.put(photo.id, await shrink(picture));
      photos.push(photo);
    }
    write();
    return photos.length === parts.length - texts.length;
  } catch {
    return false;
  } finally {
    await caches.delete(name).catch(() => false);
  }
}
