/** The marks on the map: real buttons, which stay while what they stand for stays, and keep the focus. */

import type * as Leaflet from "leaflet";
import type { Mark } from "../../shared/contract.ts";
import { bounds } from "../core.ts";
import { Layer } from "../leaflet.ts";
import { put } from "../put.ts";
import { draw } from "./drawing.ts";
import { keys, spread, walked } from "./view.ts";

export type Placed = Mark & { lat: number; lng: number };
export interface Seen {
  count: number;
  rough: boolean;
}
interface Shown {
  button: HTMLButtonElement;
  mark: Placed;
  signature: string;
}
interface Words {
  lang: string;
  name(mark: Placed): string;
  number(n: number): string;
  press(mark: Placed): void;
}

/** Pixels within which a mark counts as what stood there before. */
const NEAR = 44;
/** Pixels that are kept free around a mark that gets the focus by keys. */
const ROOM: [number, number] = [60, 48];

export class Marks extends Layer {
  private shown = new Map<string, Shown>();

  constructor(private readonly words: Words) {
    super();
  }

  override onAdd(): this {
    return this;
  }

  override onRemove(): this {
    this.shown.forEach(({ button }) => button.remove());
    return this;
  }

  override getEvents(): Record<string, Leaflet.LeafletEventHandlerFn> {
    return {
      zoom: this.place,
      viewreset: this.place,
      zoomanim: this.follow as Leaflet.LeafletEventHandlerFn,
      moveend: this.reach
    };
  }

  /** Those of an answer for `zoom`, in place of the ones before. */
  show(marks: Placed[], zoom: number): void {
    const pane = this.getPane("markerPane")!;
    const focused = (pane.getRootNode() as ShadowRoot).activeElement;
    const ordered = walked(marks, zoom);
    const before = this.shown;
    this.shown = new Map();
    const placed = spread(ordered, zoom);
    keys(ordered, zoom).forEach((key, at) => {
      const mark = placed[at]!;
      const signature = JSON.stringify(mark);
      const shown = before.get(key) || this.made();
      before.delete(key);
      if (shown.signature !== signature) {
        draw(shown.button, mark, this.words.number(mark.count));
        // To be read by pointing at it as well.
        shown.button.setAttribute("aria-label", (shown.button.title = this.words.name(mark)));
        // A problem is named in its author's words.
        if (mark.number) shown.button.lang = this.words.lang;
        Object.assign(shown, { mark, signature });
      }
      this.shown.set(key, shown);
    });
    let left: Placed | undefined;
    before.forEach(({ button, mark }) => {
      if (button === focused) left = mark;
      button.remove();
    });
    // Backwards, around the one that has the focus: what is put in anew would lose it.
    let next: Node | null = null;
    for (const { button } of [...this.shown.values()].reverse()) {
      if (!button.parentNode || (button.nextSibling !== next && button !== focused)) pane.insertBefore(button, next);
      next = button;
    }
    this.place();
    this.reach();
    if (left) this.refocus(left);
  }

  /** Sets off the mark of one problem. */
  light(number: number | undefined): void {
    this.shown.forEach(({ button, mark }) => button.classList.toggle("on", !!number && mark.number === number));
  }

  /** Gives the focus to the mark of a problem, else to the map. */
  focus(number: number | undefined): void {
    const own = this.shown.get("n" + number);
    (own ? own.button : this._map.getContainer()).focus({ preventScroll: true });
  }

  /** How many problems can be seen. Of a cluster at the edge nobody knows how many lie on this side. */
  seen(): Seen {
    const view = this._map.getBounds();
    let count = 0;
    let rough = false;
    this.shown.forEach(({ mark }) => {
      if (view.contains(mark)) count += mark.count;
      if (mark.bbox) {
        const extent = bounds(mark.bbox);
        rough = rough || (view.intersects(extent) && !view.contains(extent));
      }
    });
    return { count, rough };
  }

  private made(): Shown {
    const button = document.createElement("button");
    const shown = { button, signature: "" } as Shown;
    button.type = "button";
    button.addEventListener("click", ({ detail }) => {
      const dragging = this._map.dragging as Leaflet.Handler & { moved(): boolean };
      // A drag that began here ends with a click as well; one by a key counts no presses.
      if (!(detail && dragging.enabled() && dragging.moved())) this.words.press(shown.mark);
    });
    button.addEventListener("dblclick", event => event.stopPropagation());
    button.addEventListener("focus", () => {
      if (button.matches(":focus-visible")) this._map.panInside(shown.mark, { padding: ROOM, animate: false });
    });
    return shown;
  }

  private place(): void {
    this.shown.forEach(({ button, mark }) => put(this._map, button, mark));
  }

  private follow(event: Leaflet.ZoomAnimEvent): void {
    this.shown.forEach(({ button, mark }) => put(this._map, button, mark, event));
  }

  /** Tab goes through what can be seen. */
  private reach(): void {
    const view = this._map.getBounds();
    this.shown.forEach(({ button, mark }) => {
      button.tabIndex = view.contains(mark) ? 0 : -1;
    });
  }

  /** The focus goes to what stands where its mark stood, else to the map. */
  private refocus(left: Placed): void {
    const at = this._map.latLngToLayerPoint(left);
    let nearest = NEAR;
    let found: HTMLElement = this._map.getContainer();
    this.shown.forEach(({ button, mark }) => {
      const distance = at.distanceTo(this._map.latLngToLayerPoint(mark));
      if (distance < nearest) [nearest, found] = [distance, button];
    });
    found.focus({ preventScroll: true });
  }
}
