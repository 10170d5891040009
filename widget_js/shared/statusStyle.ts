/** How a status looks and what it is called: chips, charts and the markers of the map share this. */

import type { Status } from "./contract.ts";
import type { Language } from "./i18n.ts";

const CIRCLE = "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11z";
/** Drawn at 16 px; a path ends in `z` where it is filled. */
export const SHAPES = {
  ring: CIRCLE,
  dot: CIRCLE,
  half: CIRCLE + "M8 2.5v11a5.5 5.5 0 0 0 0-11z",
  clock: CIRCLE + "M8 5v3.5l2.5 1",
  check: "M3 8.5l3.5 3.5L13 4.5",
  diamond: "M8 1.5L14.5 8 8 14.5 1.5 8z",
  undo: "M4 5.5h6a3.2 3.2 0 0 1 0 6.5H5M6.5 2.5l-3 3 3 3",
  cross: "M4 4l8 8m0-8l-8 8",
  triangle: "M8 2L15 14H1z"
};
/** The kind names the colour. */
export const LOOK: Record<
  Status | "overdue",
  [shape: keyof typeof SHAPES, kind: string, label: Parameters<Language["t"]>[0]]
> = {
  moderation: ["ring", "muted", "moderation"],
  accepted: ["dot", "accepted", "accepted"],
  forwarded: ["half", "waiting", "forwarded"],
  in_progress: ["half", "waiting", "in_progress"],
  planned: ["clock", "planned", "planned"],
  resolved: ["check", "done", "resolved"],
  confirmed: ["check", "done", "confirmed"],
  answered: ["diamond", "answered", "answered"],
  reopened: ["undo", "waiting", "reopened"],
  redirected: ["cross", "muted", "redirected"],
  duplicate: ["cross", "muted", "duplicate"],
  rejected: ["cross", "muted", "rejected"],
  withdrawn: ["cross", "muted", "withdrawn"],
  overdue: ["triangle", "bad", "overdue"]
};

/** The label of a status; one that this version does not know has none. */
export const statusLabel = (status: Status, { t }: Language): string | undefined => LOOK[status] && t(LOOK[status][2]);
