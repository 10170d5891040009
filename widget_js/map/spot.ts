/** A round spot of a real size: how exactly a device knows where it is. */

import { LatLng } from "./leaflet.ts";
import type { Point } from "./measure.ts";
import { Stretched } from "./stretched.ts";

export class Spot extends Stretched {
  /** `radius` in metres. */
  constructor(
    private readonly place: Point,
    radius: number
  ) {
    super(document.createElement("div"), new LatLng(place.lat, place.lng).toBounds(radius * 2));
    this.element.setAttribute("class", "spot leaflet-zoom-hide");
  }

  is({ lat, lng }: Point): boolean {
    return lat === this.place.lat && lng === this.place.lng;
  }
}
