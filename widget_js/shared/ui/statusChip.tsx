/** A status as shape and label: never colour alone. */

import type { Problem, Status } from "../contract.ts";
import { useSite } from "../site.ts";
import { LOOK, SHAPES } from "../statusStyle.ts";

export { statusLabel } from "../statusStyle.ts";

/** `label`: where it stands for more than the one status. */
export function Chip({ status, label: other }: { status: Status | "overdue"; label?: string | undefined }) {
  const {
    language: { t }
  } = useSite();
  const [shape, kind, label] = LOOK[status] || LOOK.accepted;
  return (
    <span class={"chip " + kind}>
      <svg class={"shape " + shape} viewBox="0 0 16 16" aria-hidden="true">
        <path d={SHAPES[shape]} />
      </svg>
      {other || t(label)}
    </span>
  );
}

export const Chips = ({ problem }: { problem: Problem }) => (
  <>
    <Chip status={problem.status} />
    {problem.overdue && <Chip status="overdue" />}
  </>
);
