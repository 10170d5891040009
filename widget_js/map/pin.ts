/** Pins: one that marks a place, and one that is a real button, dragged by finger or mouse and moved by arrow keys. */

import type * as Leaflet from "leaflet";
import { isStill } from "./core.ts";
import { Draggable, getPosition, Layer } from "./leaflet.ts";
import { arrow, type Point } from "./measure.ts";
import { put } from "./put.ts";

/** Pixels an arrow key moves the pin by, and those kept free around it. */
const STEP = 8,
  SIZE = 52;
const SVG = "http://www.w3.org/2000/svg";

export function drawing(): SVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 44 52");
  svg.setAttribute("aria-hidden", "true");
  for (const d of [
    "M22 50C18 43 7 32 7 20a15 15 0 0 1 30 0c0 12-11 23-15 30z",
    "M22 26a6 6 0 1 0 0-12 6 6 0 0 0 0 12z"
  ]) {
    svg.appendChild(document.createElementNS(SVG, "path")).setAttribute("d", d);
  }
  return svg;
}

export class Pin extends Layer {
  constructor(
    protected place: Point,
    protected readonly element: HTMLElement = document.createElement("div")
  ) {
    super();
    element.className = "pin leaflet-zoom-animated";
    element.append(drawing());
  }

  override onAdd(): this {
    this.getPane("markerPane")!.append(this.element);
    this.draw();
    return this;
  }

  override onRemove(): this {
    this.element.remove();
    return this;
  }

  override getEvents(): Record<string, Leaflet.LeafletEventHandlerFn> {
    return { zoom: this.draw, viewreset: this.draw, zoomanim: this.draw as Leaflet.LeafletEventHandlerFn };
  }

  move(to: Point): void {
    this.place = to;
    this.draw();
  }

  private draw(coming?: Leaflet.LeafletEvent): void {
    put(
      this._map,
      this.element,
      this.place,
      coming && coming.type === "zoomanim" ? (coming as Leaflet.ZoomAnimEvent) : undefined
    );
  }
}

export class MovablePin extends Pin {
  private readonly drag: Leaflet.Draggable;

  /** `moved` is told where it was left. */
  constructor(
    place: Point,
    name: string,
    private readonly moved: (place: Point) => void
  ) {
    const button = document.createElement("button");
    super(place, button);
    this.drag = new Draggable(button, button);
    button.type = "button";
    button.setAttribute("aria-label", name);
    // A press on it must not put it where its head is; a key's press (no click counts) looks at it.
    button.addEventListener("click", event => {
      event.stopPropagation();
      if (!event.detail) this._map.panTo(this.place, { animate: !isStill() });
    });
    button.addEventListener("focus", () => button.matches(":focus-visible") && this.see());
    button.addEventListener("keydown", event => {
      const way = arrow(event, STEP);
      if (!way) return;
      event.preventDefault();
      this.left(getPosition(button).add(way));
    });
    this.drag.on("dragend", () => this.left(getPosition(button)));
  }

  override onAdd(): this {
    super.onAdd();
    this.drag.enable();
    return this;
  }

  override onRemove(): this {
    this.drag.disable();
    return super.onRemove();
  }

  private left(at: Leaflet.Point): void {
    this.move(this._map.layerPointToLatLng(at));
    this.see();
    this.moved(this.place);
  }

  private see(): void {
    this._map.panInside(this.place, { padding: [SIZE, SIZE], animate: !isStill() });
  }
}
