/** The two views of a widget; each comes with its chunk, at the first click or when it is wanted. */

import { useLayoutEffect } from "preact/hooks";
import { useLazy, type ChunkName } from "../shared/lazy.ts";
import { plainLink } from "../shared/links.ts";
import { useSite } from "../shared/site.ts";
import { Failed } from "../shared/ui/failure.tsx";
import { Skeleton } from "../shared/ui/skeleton.tsx";

/** The chunk of a view, from when it is first wanted; after that it stays, or what was typed in it would be lost. */
function useView<T extends object>(name: ChunkName, wanted: boolean) {
  const lazy = useLazy<T>(name);
  useLayoutEffect(() => {
    if (wanted && !lazy.chunk) void lazy.load();
  }, [wanted]);
  return lazy;
}

function Missing({ failed, load, loading }: { failed: boolean; load: () => void; loading: string }) {
  const {
    host,
    options,
    language: { t }
  } = useSite();
  return failed ? (
    <Failed text={t("unavailable_server")} retry={load}>
      <a href={plainLink(host, options)}>{t("unavailable_link")}</a>
    </Failed>
  ) : (
    <Skeleton text={loading} />
  );
}

export function ReportView({ shown }: { shown: boolean }) {
  const {
    language: { t }
  } = useSite();
  const { chunk, ...rest } = useView<typeof import("../report/entry.ts")>("report", shown);
  return <div hidden={!shown}>{chunk ? <chunk.Form /> : shown && <Missing {...rest} loading={t("loading")} />}</div>;
}

export function BrowseView({ shown, active }: { shown: boolean; active: boolean }) {
  const {
    language: { t }
  } = useSite();
  const { chunk, ...rest } = useView<typeof import("../browse/entry.ts")>("browse", shown);
  return (
    <div hidden={!shown}>
      {chunk ? <chunk.City active={active} /> : shown && <Missing {...rest} loading={t("loading_list")} />}
    </div>
  );
}
