/** A status as shape and label: never colour alone. Charts and markers share these shapes. */

import type { Problem, Status } from "../contract.ts";
import { T, type Language } from "../i18n.ts";
import { useSite } from "../parts/site.ts";

/** [path, kind]: the kind names the colour; a path ends in `z` where it is filled. */
const CIRCLE = "M8 2.500a5.500 5.500 0 1 0 0 11 5.500 5.500 0 0 0 0-11z";
const SHAPES = {
  ring: CIRCLE, dot: CIRCLE, half: CIRCLE + "M8 2.500v11a5.500 5.500 0 0 0 0-11z", clock: CIRCLE + "M8 5v3.500l2.500 1",
  check: "M3 8.500l3.500 3.500L13 4.500", diamond: "M8 1.500L14.500 8 8 14.500 1.500 8z",
  back: "M4 5.500h6a3.200 3.200 0 0 1 0 6.500H5M6.500 2.500l-3 3 3 3", cross: "M4 4l8 8m0-8l-8 8", triangle: "M8 2L15 14H1z",
};
const LOOK: Record<Status | "overdue", [shape: keyof typeof SHAPES, kind: string, label: Parameters<Language["t"]>[0]]> = {
  moderation: ["ring", "muted", T.moderation], accepted: ["dot", "accent", T.accepted], forwarded: ["half", "waiting", T.forwarded], in_progress: ["half", "waiting", T.in_progress],
  planned: ["clock", "planned", T.planned], resolved: ["check", "done", T.resolved], confirmed: ["check", "done", T.confirmed], answered: ["diamond", "answered", T.answered],
  reopened: ["back", "waiting", T.reopened], redirected: ["cross", "muted", T.redirected], duplicate: ["cross", "muted", T.duplicate], rejected: ["cross", "muted", T.rejected],
  withdrawn: ["cross", "muted", T.withdrawn], overdue: ["triangle", "bad", T.overdue],
};

export function Chip({ status }: { status: Status | "overdue" }) {
  const { language: { t } } = useSite();
  const [shape, kind, label] = LOOK[status] || LOOK.accepted;
  return <span class={"chip " + kind}>
    <svg class={"shape " + shape} viewBox="0 0 16 16" aria-hidden="true"><path d={SHAPES[shape]} /></svg>{t(label)}
  </span>;
}

export const Chips = ({ problem }: { problem: Problem }) => <>
  <Chip status={problem.status} />{problem.overdue && <Chip status="overdue" />}
</>;

/** The label of a status; one that this version does not know has none. */
export const statusLabel = (status: Status, { t }: Language): string | undefined => LOOK[status] && t(LOOK[status][2]);
