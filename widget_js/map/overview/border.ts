/** The border of the territory: a quiet line, so that one sees how far the city goes. */

import type { Outline } from "../../shared/contract.ts";
import { bounds } from "../core.ts";
import { Stretched } from "../stretched.ts";
import { svg } from "./drawing.ts";
import { across, down, type Box } from "./view.ts";

/** Units of the drawing along its longer side: half a metre of a town of thirty kilometres. */
const FINE = 60_000;

/** A line over a wider one, which sets it off from the ground. */
export function border({ coordinates }: Outline): Stretched {
  const values = (at: 0 | 1) => coordinates.flatMap(ring => ring.map(point => point[at]));
  const [lngs, lats] = [values(0), values(1)];
  const box: Box = [Math.min(...lngs), Math.min(...lats), Math.max(...lngs), Math.max(...lats)];
  const [left, top] = [across(box[0]), down(box[3])];
  const [width, height] = [across(box[2]) - left, down(box[1]) - top];
  const units = (share: number) => Math.round((share * FINE) / Math.max(width, height));
  const d = coordinates
    .map(ring => `M${ring.map(([lng, lat]) => [units(across(lng) - left), units(down(lat) - top)]).join("L")}z`)
    .join("");
  const element = svg(document.createDocumentFragment(), "svg", {
    viewBox: [0, 0, units(width), units(height)].join(" "),
    preserveAspectRatio: "none",
    class: "border leaflet-zoom-hide",
    "aria-hidden": "true"
  });
  svg(element, "path", { d });
  svg(element, "path", { d });
  return new Stretched(element, bounds(box));
}
