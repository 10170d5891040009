/** In the place of the form, once somebody has supported a known problem: what happened, and how to go on. */

import type { ComponentType } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";
import { focusOn } from "../../shared/focus.ts";
import { useLazy } from "../../shared/lazy.ts";
import { pageOf } from "../../shared/page.ts";
import { useSite } from "../../shared/site.ts";
import { Failed } from "../../shared/ui/failure.tsx";
import type { ReportSession } from "../session.ts";

/** What is taken of the chunk of the discussion. */
interface FollowChunk {
  Follow: ComponentType<{ number: number; email: string }>;
}

/** What was written stays until the person erases it. */
export function Joined({ report }: { report: ReportSession }) {
  const site = useSite();
  const {
    config,
    host,
    options: { inline },
    session,
    language: { t, number: figure }
  } = site;
  const { number, description } = report.joined!;
  const { email } = report.draft.values;
  const [asked, ask] = useState(false);
  const following = asked || !!email.trim();
  const { chunk, failed, load } = useLazy<FollowChunk>("discussion", following);
  useLayoutEffect(() => {
    if (asked && chunk) focusOn(host, "follow-email");
  }, [asked, !chunk]);
  const quiet = (text: Parameters<typeof t>[0], act: () => void) => (
    <button class="button quiet" type="button" onClick={act}>
      {t(text)}
    </button>
  );
  return (
    <div class="done">
      <h3 id="joined" tabIndex={-1}>
        {t("supported", { number: figure(number) })}
      </h3>
      <p class="field">
        <a href={pageOf(site, number)} target="_blank" rel="noopener" lang={config.language}>
          <span class="excerpt">{description}</span>
        </a>
      </p>
      {!following ? (
        <p class="actions">{quiet("follow", () => ask(true))}</p>
      ) : chunk ? (
        <chunk.Follow number={number} email={email} />
      ) : (
        failed && <Failed text={t("part_failed")} retry={load} />
      )}
      <p>{t("supported_own")}</p>
      <p class="actions">
        <button
          class="button"
          type="button"
          onClick={() => {
            report.erase();
            if (!inline) session.close();
          }}>
          {t("supported_done")}
        </button>
        {quiet("supported_back", () => {
          report.joined = undefined;
          report.moveFocus();
        })}
      </p>
    </div>
  );
}
