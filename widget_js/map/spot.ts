/** A round spot of a real size: how exactly a device knows where it is. */

import { LatLng, Layer } from "./leaflet.ts";
import type { LatLngBounds } from "leaflet";
import type { Point } from "./measure.ts";

export class Spot extends Layer {
  readonly bounds: LatLngBounds;
  private readonly element = document.createElement("div");

  /** `radius` in metres. */
  constructor(private readonly place: Point, radius: number) {
    super();
    this.bounds = new LatLng(place.lat, place.lng).toBounds(radius * 2);
    this.element.className = "spot leaflet-zoom-hide";
  }

  is({ lat, lng }: Point): boolean {
    return lat === this.place.lat && lng === this.place.lng;
  }

  override onAdd(): this {
    this.getPane()!.append(this.element);
    this.draw();
    return this;
  }

  override onRemove(): this {
    this.element.remove();
    return this;
  }

  override getEvents() {
    return { zoom: this.draw, viewreset: this.draw };
  }

  private draw(): void {
    const from = this._map.latLngToLayerPoint(this.bounds.getNorthWest());
    const to = this._map.latLngToLayerPoint(this.bounds.getSouthEast());
    const { style } = this.element;
    style.left = from.x + "px";
    style.top = from.y + "px";
    style.width = to.x - from.x + "px";
    style.height = to.y - from.y + "px";
  }
}
