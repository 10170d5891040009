/** The map beside the list: its chunk comes when it is first wanted. */

import { useLayoutEffect, useState } from "preact/hooks";
import { Failed } from "../shared/ui/failure.tsx";
import { useLazy } from "../shared/lazy.ts";
import { useSite } from "../shared/site.ts";
import type { Filters } from "../shared/filters.ts";

export function CityMapPanel({
  filters,
  version,
  paused,
  chosen,
  open,
  moved
}: {
  filters: Filters;
  version: number;
  paused: boolean;
  chosen: number;
  open: (number: number) => void;
  moved: (bbox: string) => void;
}) {
  const {
    language: { lang, t }
  } = useSite();
  const [follow, setFollow] = useState(false);
  const { chunk, failed, load } = useLazy<typeof import("../map/entry.ts")>("map");
  useLayoutEffect(() => void load(), []);
  const turn = (on: boolean) => {
    setFollow(on);
    if (!on) moved("");
  };
  return (
    <div class="city-map">
      {failed ? (
        <Failed text={t("map_missing")} retry={load} />
      ) : chunk ? (
        <chunk.CityMap
          key={lang}
          filters={filters}
          version={version}
          paused={paused}
          chosen={chosen}
          open={open}
          moved={bbox => follow && moved(bbox)}
        />
      ) : (
        <div class="skeleton" />
      )}
      <label class="tick">
        <input type="checkbox" checked={follow} onChange={event => turn(event.currentTarget.checked)} />
        <span>{t("map_follow")}</span>
      </label>
    </div>
  );
}
