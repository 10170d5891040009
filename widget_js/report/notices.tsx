/** Above the form: that it holds a draft of an earlier visit, or that an unsent report can be gone on with. */

import { Icon } from "../shared/ui/icon.tsx";
import { Words } from "../shared/ui/words.tsx";
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

export function Notices({ report }: { report: ReportSession }) {
  const { t } = useSite().language;
  const { offer, restored } = report;
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
            {t(offer.draft.sent ? "draft_offer_sent" : "draft_offer", { text: report.describe(offer.draft) })}
          </Words>
        </p>
        <p class="actions">
          <button class="link" type="button" onClick={() => report.resume()}>
            {t("draft_resume")}
          </button>
          <button class="link" type="button" onClick={() => report.discardOffer()}>
            {t("draft_discard")}
          </button>
        </p>
      </div>
    </div>
  );
}
