/** The map beside the list: its chunk comes when it is first wanted. */

import { useEffect, useState } from "preact/hooks";
import { T } from "../i18n.ts";
import { Failed } from "./failed.tsx";
import { useLater } from "../parts/later.ts";
import { useSite } from "../parts/site.ts";
import type { Filters } from "./filters.ts";

export function CityPlace({ filters, version, paused, chosen, open, moved }: { filters: Filters; version: number; paused: boolean; chosen: number; open: (number: number) => void; moved: (bbox: string) => void }) {
  const { language: { t } } = useSite();
  const [follow, setFollow] = useState(false);
  const { chunk, failed, load } = useLater("map");
  useEffect(() => void load(), []);
  const turn = (on: boolean) => {
    setFollow(on);
    if (!on) moved("");
  };
  return <div class="city-map">
    {failed ? <Failed text={t(T.map_missing)} retry={load} />
      : chunk ? <chunk.CityMap filters={filters} version={version} paused={paused} chosen={chosen} open={open} moved={bbox => follow && moved(bbox)} />
      : <div class="skeleton" />}
    <label class="tick"><input type="checkbox" checked={follow} onChange={event => turn(event.currentTarget.checked)} /><span>{t(T.map_follow)}</span></label>
  </div>;
}
