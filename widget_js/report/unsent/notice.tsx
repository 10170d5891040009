/** Above the form: that it holds a draft of an earlier visit, or that an unsent report can be gone on with. */

import { Icon } from "../../shared/ui/icon.tsx";
import { Words } from "../../shared/ui/words.tsx";
import { useSite } from "../../shared/site.ts";
import { Eraser } from "../eraser.tsx";
import type { ReportSession } from "../session.ts";
import type { UnsentReports } from "./unsent.ts";

export function Notice({ report }: { report: ReportSession }) {
  const { t } = useSite().language;
  const { restored } = report;
  const unsent = report.unsent as UnsentReports;
  const { offer } = unsent;
  if (restored)
    return (
      <p class="notice" role="status">
        <Icon name="info" />
        <span>
          {t(restored === "sent" ? "draft_unsent" : "draft_kept")} <Eraser report={report} />
        </span>
      </p>
    );
  if (!offer) return null;
  return (
    <div class="notice" role="status">
      <Icon name="info" />
      <div>
        <p>
          <Words>
            {t(offer.draft.sent ? "draft_offer_sent" : "draft_offer", { text: unsent.describe(offer.draft) })}
          </Words>
        </p>
        <p class="actions">
          <button class="link" type="button" onClick={() => unsent.resume()}>
            {t("draft_resume")}
          </button>
          <button class="link" type="button" onClick={() => unsent.discard()}>
            {t("draft_discard")}
          </button>
        </p>
      </div>
    </div>
  );
}
