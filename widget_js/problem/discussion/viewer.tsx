/**
 * One photo at a time over everything: arrows, a swipe or the keys go on; Escape gives the focus back to the photo
 * that was pressed.
 */

import { useLayoutEffect, useRef } from "preact/hooks";
import type { Photo } from "../../shared/contract.ts";
import { Icon } from "../../shared/ui/icon.tsx";
import { useSite } from "../../shared/site.ts";

/** Pixels a finger moves sideways for the next one. */
const SWIPE = 40;

export function Viewer({
  photos,
  current,
  go,
  close
}: {
  photos: (Photo & { alt: string })[];
  current: number;
  go: (to: number) => void;
  close: () => void;
}) {
  const {
    config,
    language: { t }
  } = useSite();
  const box = useRef<HTMLDialogElement>(null);
  const from = useRef(0);
  useLayoutEffect(() => box.current!.showModal(), []);
  const last = photos.length - 1;
  const step = (by: number) => go(Math.max(0, Math.min(last, current + by)));
  /** Where the next one is: to the right, or to the left where one reads from the right. */
  const ahead = () => (getComputedStyle(box.current!).direction === "rtl" ? -1 : 1);
  const keys: Record<string, () => void> = {
    ArrowLeft: () => step(-ahead()),
    ArrowRight: () => step(ahead()),
    Home: () => go(0),
    End: () => go(last)
  };
  const key = (event: KeyboardEvent) => {
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  };
  const swipe = (event: PointerEvent) => {
    const moved = event.clientX - from.current;
    if (Math.abs(moved) > SWIPE) step(moved < 0 ? ahead() : -ahead());
  };
  const { url, alt } = photos[current]!;
  const arrow = (by: number, name: string, path: string) => (
    <button
      class="round"
      type="button"
      aria-label={name}
      aria-disabled={current + by < 0 || current + by > last || undefined}
      onClick={() => step(by)}>
      <Icon path={path} />
    </button>
  );
  return (
    <dialog
      class="viewer"
      ref={box}
      aria-label={t("photos_name")}
      aria-describedby="shown"
      onClose={close}
      onKeyDown={key}>
      <div class="bar">
        <p role="status" id="shown">
          {t("photo_of", { n: current + 1, of: photos.length })}
          <span class="away" lang={config.language}>
            . {alt}
          </span>
        </p>
        <button class="round" type="button" aria-label={t("close")} onClick={() => box.current!.close()}>
          <Icon name="close" />
        </button>
      </div>
      <div
        class="stage"
        onPointerDown={event => {
          from.current = event.clientX;
        }}
        onPointerUp={swipe}>
        <img key={url} src={url} alt={alt} lang={config.language} draggable={false} />
      </div>
      <div class="bar">
        {last > 0 && arrow(-1, t("photo_previous"), "M15 5l-7 7 7 7")}
        <p aria-hidden="true" lang={config.language}>
          {alt}
        </p>
        {last > 0 && arrow(1, t("photo_next"), "M9 5l7 7-7 7")}
      </div>
    </dialog>
  );
}
