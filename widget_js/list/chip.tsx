/** A status as shape and label: never colour alone. Charts and markers share these shapes. */

import type { Problem, Status } from "../contract.ts";
import { useSite } from "../parts/site.ts";

/** [path, kind]: the kind names the colour; a path ends in `z` where it is filled. */
const CIRCLE = "M8 2.500a5.500 5.500 0 1 0 0 11 5.500 5.500 0 0 0 0-11z";
const SHAPES = {
  ring: CIRCLE, dot: CIRCLE, half: CIRCLE + "M8 2.500v11a5.500 5.500 0 0 0 0-11z", clock: CIRCLE + "M8 5v3.500l2.500 1",
  check: "M3 8.500l3.500 3.500L13 4.500", diamond: "M8 1.500L14.500 8 8 14.500 1.500 8z",
  back: "M4 5.500h6a3.200 3.200 0 0 1 0 6.500H5M6.500 2.500l-3 3 3 3", cross: "M4 4l8 8m0-8l-8 8", triangle: "M8 2L15 14H1z",
};
const LOOK: Record<Status | "overdue", [keyof typeof SHAPES, string]> = {
  moderation: ["ring", "muted"], accepted: ["dot", "accent"], forwarded: ["half", "waiting"], in_progress: ["half", "waiting"],
  planned: ["clock", "planned"], resolved: ["check", "done"], confirmed: ["check", "done"], answered: ["diamond", "answered"],
  reopened: ["back", "waiting"], redirected: ["cross", "muted"], duplicate: ["cross", "muted"], rejected: ["cross", "muted"],
  withdrawn: ["cross", "muted"], overdue: ["triangle", "bad"],
};

export function Chip({ status }: { status: Status | "overdue" }) {
  const { language: { t } } = useSite();
  const [shape, kind] = LOOK[status] ?? LOOK.accepted;
  return <span class={"chip " + kind}>
    <svg class={"shape " + shape} viewBox="0 0 16 16" aria-hidden="true"><path d={SHAPES[shape]} /></svg>{t(status)}
  </span>;
}

export const Chips = ({ problem }: { problem: Problem }) => <>
  <Chip status={problem.status} />{problem.overdue && <Chip status="overdue" />}
</>;
