/** The form for another entry: comes when it is first wanted, and stays, or what was typed in it would be lost. */

import type { ComponentType } from "preact";
import { useLayoutEffect } from "preact/hooks";
import { useLazy } from "../shared/lazy.ts";
import { useSite } from "../shared/site.ts";
import { Failed } from "../shared/ui/failure.tsx";
import { Skeleton } from "../shared/ui/skeleton.tsx";

export function Form({ shown }: { shown: boolean }) {
  const {
    visible,
    language: { t }
  } = useSite();
  const { chunk, failed, load } = useLazy<{ View: ComponentType<{ active: boolean }> }>("report");
  useLayoutEffect(() => {
    if (shown && !chunk) void load();
  }, [shown]);
  return (
    <div hidden={!shown}>
      {chunk ? (
        <chunk.View active={visible && shown} />
      ) : failed ? (
        <Failed text={t("unavailable_server")} retry={load} />
      ) : (
        <Skeleton text={t("loading")} />
      )}
    </div>
  );
}
