/** The map beside the list: its chunk comes when it is first wanted. */

import type { ComponentType } from "preact";
import { useState } from "preact/hooks";
import { Failed } from "../shared/ui/failure.tsx";
import { useLazy } from "../shared/lazy.ts";
import { useSite } from "../shared/site.ts";
import type { Filters } from "../shared/filters.ts";

interface Shown {
  filters: Filters;
  /** Another one: what is shown has changed somewhere. */
  version: number;
  /** The visitor wants to see no changes for now. */
  paused: boolean;
  /** The problem that is pointed at in the list. */
  chosen: number;
  /** Shows a problem. */
  open: (number: number) => void;
  /** Hears which box is shown, west,south,east,north, whenever the visitor has moved the map. */
  moved: (bbox: string) => void;
}
/** What the list takes of the map's chunk. */
export interface MapChunk {
  CityMap: ComponentType<Shown>;
}

export function CityMapPanel({ moved, ...shown }: Shown) {
  const {
    language: { lang, t }
  } = useSite();
  const [follow, setFollow] = useState(false);
  const { chunk, failed, load } = useLazy<MapChunk>("map", true);
  const setFollowing = (on: boolean) => {
    setFollow(on);
    if (!on) moved("");
  };
  return (
    <div class="city-map">
      {failed ? (
        <Failed text={t("map_missing")} retry={load} />
      ) : chunk ? (
        <chunk.CityMap key={lang} {...shown} moved={bbox => follow && moved(bbox)} />
      ) : (
        <div class="skeleton" />
      )}
      <label class="tick">
        <input type="checkbox" checked={follow} onChange={event => setFollowing(event.currentTarget.checked)} />
        <span>{t("map_follow")}</span>
      </label>
    </div>
  );
}
