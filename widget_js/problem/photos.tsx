/** The photos, equal in size; what was wrong beside what it became, where both are there. Each opens the viewer. */

import { useState } from "preact/hooks";
import type { Detail, Photo } from "../shared/contract.ts";
import { Failed } from "../shared/ui/failure.tsx";
import { preloadOn } from "../shared/preload.ts";
import { useSite } from "../shared/site.ts";
import type { Discussion } from "./actions.tsx";

export function Photos({ problem, discussion }: { problem: Detail; discussion: Discussion }) {
  const site = useSite();
  const {
    config,
    language: { t }
  } = site;
  const [viewed, view] = useState(-1);
  const before = problem.photos;
  const after = (problem.answer && problem.answer.photos) || [];
  const pair = before.length > 0 && after.length > 0;
  const named = (photos: Photo[], prefix: string) =>
    photos.map((photo, index) => ({
      ...photo,
      alt: prefix + (photo.alt || t("photo", { n: index + 1 })),
      lang: photo.alt ? config.language : undefined
    }));
  const all = [...named(before, pair ? t("before") + ": " : ""), ...named(after, t("after") + ": ")];
  if (!all.length) return null;
  const open = (index: number) => {
    view(index);
    void discussion.load();
  };
  /** One or two are as wide as the column or half of it, where thumbnails would be blurred. */
  const shot = (index: number, of: number[]) => (
    <button class="shot" key={index} type="button" onClick={() => open(index)} {...preloadOn(site, "discussion")}>
      <img src={of.length > 2 ? all[index]!.thumb : all[index]!.url} alt={all[index]!.alt} lang={all[index]!.lang} />
    </button>
  );
  const paired = pair ? [0, before.length] : [];
  const rest = all.map((_, index) => index).filter(index => !paired.includes(index));
  return (
    <>
      {pair && (
        <div class="shots pair">
          {paired.map((index, side) => (
            <figure key={side}>
              {shot(index, paired)}
              <figcaption class="label" aria-hidden="true">
                {t(side ? "after" : "before")}
              </figcaption>
            </figure>
          ))}
        </div>
      )}
      {rest.length > 0 && <div class="shots">{rest.map(index => shot(index, rest))}</div>}
      {viewed >= 0 &&
        (discussion.chunk ? (
          <discussion.chunk.Viewer photos={all} current={viewed} go={view} close={() => view(-1)} />
        ) : (
          discussion.failed && <Failed text={t("part_failed")} retry={discussion.load} />
        ))}
    </>
  );
}
