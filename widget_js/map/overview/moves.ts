/** Where the map looks, and who made it look there: the list follows the visitor, not itself. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Map } from "../leaflet.ts";
import { written, type Box } from "./view.ts";

/** Pixels the middle may shift by when the map's size changes. */
const SLACK = 2;

/** `box`: what is shown. `moveSilently` moves the map without telling `moved`; `sent` is what it was told last. */
export function useMoves(map: Map | null, moved: (bbox: string) => void) {
  const [box, setBox] = useState<Box | null>(null);
  const sent = useRef("");
  const quiet = useRef(false);
  const moving = useRef(false);
  const tell = useRef(moved);
  tell.current = moved;
  useLayoutEffect(() => {
    if (!map) return;
    const look = () => {
      const view = map.getBounds();
      const shown: Box = [view.getWest(), view.getSouth(), view.getEast(), view.getNorth()];
      setBox(shown);
      return written(shown);
    };
    let zoom = map.getZoom();
    let middle = map.getCenter();
    map.on("movestart", () => {
      moving.current = true;
    });
    map.on("moveend", () => {
      moving.current = false;
      const shown = look();
      const resized = zoom === map.getZoom() && map.project(middle).distanceTo(map.project(map.getCenter())) < SLACK;
      zoom = map.getZoom();
      middle = map.getCenter();
      if (resized) return;
      if (!quiet.current) tell.current((sent.current = shown));
      quiet.current = false;
    });
    look();
  }, [map]);
  const moveSilently = (move: () => void) => {
    quiet.current = true;
    move();
    // What has not begun to move will not; an animation ends later.
    if (!moving.current) quiet.current = false;
  };
  return { box, moveSilently, sent };
}
