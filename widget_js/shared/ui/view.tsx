/** The form, the list or one's own reports: comes with its chunk, at the first click or when it is wanted. */

import type { ComponentType } from "preact";
import { useLazy } from "../lazy.ts";
import { plainLink } from "../links.ts";
import type { ViewName } from "../session.ts";
import { useSite } from "../site.ts";
import { Failed } from "./failure.tsx";
import { Skeleton } from "./skeleton.tsx";

/** From when it is first shown it stays where it is drawn, or what was typed in it would be lost. */
export function View({ name, shown }: { name: ViewName; shown: boolean }) {
  const {
    host,
    options,
    visible,
    language: { t }
  } = useSite();
  const { chunk, failed, load } = useLazy<{ View: ComponentType<{ active: boolean }> }>(name, shown);
  return (
    <div hidden={!shown}>
      {chunk ? (
        <chunk.View active={visible && shown} />
      ) : failed ? (
        <Failed text={t("unavailable_server")} retry={load}>
          <a href={plainLink(host, options)}>{t("unavailable_link")}</a>
        </Failed>
      ) : (
        <Skeleton text={t("loading")} />
      )}
    </div>
  );
}
