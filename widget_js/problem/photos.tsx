/** The photos: what was wrong beside what it became, where both are there; each opens the viewer. */

import { useState } from "preact/hooks";
import type { Detail, Photo } from "../contract.ts";
import { T } from "../i18n.ts";
import { Failed } from "../list/failed.tsx";
import { warm } from "../parts/later.ts";
import { useSite } from "../parts/site.ts";
import type { Talk } from "./actions.tsx";

export function Photos({ problem, talk }: { problem: Detail; talk: Talk }) {
  const { config, language: { t, locale } } = useSite();
  const [at, show] = useState(-1);
  const before = problem.photos;
  const after = problem.answer && problem.answer.photos || [];
  const pair = before.length > 0 && after.length > 0;
  const named = (photos: Photo[], prefix: string) => photos.map((photo, index) =>
    ({ ...photo, alt: prefix + (photo.alt || t(T.photo, { n: index + 1 })), lang: photo.alt ? config.language : undefined }));
  const all = [...named(before, pair ? t(T.before) + ": " : ""), ...named(after, t(T.after) + ": ")];
  if (!all.length) return null;
  const open = (index: number) => {
    show(index);
    void talk.load();
  };
  const shot = (index: number, large?: boolean) => <button class="shot" key={index} type="button" onClick={() => open(index)} {...warm("talk", locale)}>
    <img src={large ? all[index]!.url : all[index]!.thumb} alt={all[index]!.alt} lang={all[index]!.lang} />
  </button>;
  const paired = pair ? [0, before.length] : [];
  const rest = all.map((_, index) => index).filter(index => !paired.includes(index));
  return <>
    {pair && <div class="pair">{paired.map((index, side) => <figure key={side}>
      {shot(index, true)}<figcaption class="label" aria-hidden="true">{t(side ? T.after : T.before)}</figcaption>
    </figure>)}</div>}
    {rest.length > 0 && <div class="shots">{rest.map(index => shot(index))}</div>}
    {at >= 0 && (talk.chunk ? <talk.chunk.Viewer photos={all} at={at} go={show} close={() => show(-1)} />
      : talk.failed && <Failed text={t(T.part_failed)} retry={talk.load} />)}
  </>;
}
