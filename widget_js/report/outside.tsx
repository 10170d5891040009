/** The device is outside of the site's territory, which is no place of a problem: where the territory is instead. */

import { useLayoutEffect } from "preact/hooks";
import { useSite } from "../shared/site.ts";
import { Words } from "../shared/ui/words.tsx";
import type { SectionProps } from "./section.ts";
import type { Point } from "./values.ts";

const RADIUS = 6371,
  RADIAN = Math.PI / 180;

/** How far `to` lies from `from`, in kilometres, and in which eighth of the circle, from north by east. */
export function way(from: Point, to: Point): { kilometres: number; eighth: number } {
  const north = (to.lat - from.lat) * RADIAN;
  // The shorter way around the world.
  const east = (((to.lng - from.lng + 540) % 360) - 180) * RADIAN * Math.cos(((from.lat + to.lat) / 2) * RADIAN);
  return {
    kilometres: Math.hypot(north, east) * RADIUS,
    eighth: Math.round(Math.atan2(east, north) / (Math.PI / 4) + 8) % 8
  };
}

/**
 * Takes the pin of a device away where nobody answers for its place, and returns what to say; nothing where that is
 * not so.
 */
export function useOutside({ report, place, area }: SectionProps): string | undefined {
  const {
    config,
    language: { t, number }
  } = useSite();
  const { position } = report;
  const isOutside = position.state === "found" && area && !(area.inside || area.receiver || area.other);
  useLayoutEffect(() => {
    if (isOutside && place) report.put(null, { state: "outside", from: place });
  }, [isOutside]);
  if (!position.from || !config.map) return;
  const [lat, lng] = config.map.center;
  const { kilometres, eighth } = way(position.from, { lat, lng });
  return t("outside", {
    name: config.name,
    n: number(Math.max(1, Math.round(kilometres))),
    direction: t("directions").split(", ")[eighth]!
  });
}

/** Says so above the map, which it opens. */
export function Outside(props: SectionProps) {
  const { host } = useSite();
  const outside = useOutside(props);
  useLayoutEffect(() => {
    // Its button; gone where the map is open.
    const button = outside && host.shadowRoot!.getElementById("map");
    if (button) button.click();
  }, [outside]);
  return (
    <p class="note" role="status">
      <Words>{outside}</Words>
    </p>
  );
}
