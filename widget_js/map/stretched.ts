/** An element over a part of the ground, of its real size at every zoom. */

import type { LatLngBounds } from "leaflet";
import { Layer } from "./leaflet.ts";

export class Stretched extends Layer {
  constructor(
    protected readonly element: HTMLElement | SVGElement,
    readonly bounds: LatLngBounds
  ) {
    super();
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
