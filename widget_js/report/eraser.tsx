/** Erases the draft: below the form, and beside the word that it was restored. */

import { useSite } from "../shared/site.ts";
import type { ReportSession } from "./session.ts";

export function Eraser({ report }: { report: ReportSession }) {
  const { t } = useSite().language;
  return report.isPosting ? null : (
    <button class="link" type="button" onClick={() => report.erase()}>
      {t("draft_erase")}
    </button>
  );
}
