/** What marks look like: a problem as the shape of its status, several as their number in a ring of what they are. */

import type { Mark, Status } from "../../shared/contract.ts";
import type { Group } from "../../shared/filters.ts";
import { LOOK, SHAPES } from "../../shared/statusStyle.ts";
import { groups, size } from "./view.ts";

const SVG = "http://www.w3.org/2000/svg";
const KINDS: Record<Group, string> = { new: "accepted", working: "waiting", done: "done", closed: "answered" };
/** Of a circumference of 100: between two parts of the ring. */
const GAP = 2;

export function svg(parent: Node, name: string, attributes: Record<string, string | number>): SVGElement {
  const made = document.createElementNS(SVG, name);
  for (const key in attributes) made.setAttribute(key, attributes[key] + "");
  parent.appendChild(made);
  return made;
}

const shape = (parent: Node, status: Status | "overdue", more: string) => {
  const [name, kind] = LOOK[status] || LOOK.accepted;
  svg(
    svg(parent, "svg", { viewBox: "0 0 16 16", class: `shape ${name} of-${kind} ${more}`, "aria-hidden": "true" }),
    "path",
    { d: SHAPES[name] }
  );
  return kind;
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
        class: "of-" + KINDS[group],
        "stroke-dasharray": `${seen} ${100 - seen}`,
        "stroke-dashoffset": 25 - at
      });
      at += share;
    }
    const text = document.createElement("span");
    text.textContent = number;
    button.append(text);
  } else {
    const kind = shape(button, status!, "");
    button.className = "leaflet-zoom-animated mark one of-" + kind;
    if (overdue) shape(button, "overdue", "badge");
  }
}
