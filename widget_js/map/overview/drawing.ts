/** What marks look like: a problem as the shape of its status, several as their number in a ring of what they are. */

import type { Mark } from "../../shared/contract.ts";
import type { Group } from "../../shared/filters.ts";
import { look, type Shown } from "../../shared/statusStyle.ts";
import { groups, size } from "./view.ts";

const SVG = "http://www.w3.org/2000/svg";
const TONES: Record<Group, string> = { new: "accepted", working: "waiting", done: "done", closed: "answered" };
/** Of a circumference of 100: between two parts of the ring. */
const GAP = 2;

export function svg(parent: Node, name: string, attributes: Record<string, string | number>): SVGElement {
  const made = document.createElementNS(SVG, name);
  for (const key in attributes) made.setAttribute(key, attributes[key] + "");
  parent.appendChild(made);
  return made;
}

const shape = (parent: Node, status: Shown, more: string) => {
  const [path, tone, fill = ""] = look(status);
  const kind = `shape tone-${tone} ${fill} ${more}`;
  svg(svg(parent, "svg", { viewBox: "0 0 16 16", class: kind, "aria-hidden": "true" }), "path", { d: path });
  return tone;
};

/** Puts the mark's look into `button`, in place of what was there. */
export function draw(button: HTMLElement, { count, status, overdue, statuses }: Mark, number: string): void {
  button.textContent = "";
  if (count > 1) {
    button.className = "leaflet-zoom-animated mark many size-" + size(count);
    const ring = svg(button, "svg", { viewBox: "0 0 36 36", "aria-hidden": "true" });
    const parts = groups(statuses || {});
    const all = parts.reduce((sum, [, n]) => sum + n, 0);
    const gap = parts.length > 1 ? GAP : 0;
    let at = 0;
    for (const [group, n] of parts) {
      const share = (n / all) * 100;
      const seen = Math.max(1, share - gap);
      // From the top on, clockwise.
      svg(ring, "circle", {
        cx: 18,
        cy: 18,
        r: 15.9155,
        class: "tone-" + TONES[group],
        "stroke-dasharray": `${seen} ${100 - seen}`,
        "stroke-dashoffset": 25 - at
      });
      at += share;
    }
    const text = document.createElement("span");
    text.textContent = number;
    button.append(text);
  } else {
    const tone = shape(button, status!, "");
    button.className = "leaflet-zoom-animated mark one tone-" + tone;
    if (overdue) shape(button, "overdue", "badge");
  }
}
