/** A status as shape and label: never colour alone. */

import type { Problem } from "../contract.ts";
import { useSite } from "../site.ts";
import { look, statusLabel, type Shown } from "../statusStyle.ts";

/** `label`: where it stands for more than the one status. */
export function Chip({ status, label: other }: { status: Shown; label?: string | undefined }) {
  const { language } = useSite();
  const [path, tone, fill = ""] = look(status);
  return (
    <span class={"chip tone-" + tone}>
      <svg class={"shape " + fill} viewBox="0 0 16 16" aria-hidden="true">
        <path d={path} />
      </svg>
      {other || statusLabel(status, language) || language.t("accepted")}
    </span>
  );
}

/** Entries of a directory are only checked, and what is accepted can be taken part in: nothing is said of either. */
export function Chips({ problem }: { problem: Problem }) {
  const { entries } = useSite();
  return entries && (!entries.answered || problem.status === "accepted") ? null : (
    <>
      <Chip status={problem.status} />
      {problem.overdue && !entries && <Chip status="overdue" />}
    </>
  );
}
