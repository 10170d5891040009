/**
 * The report has arrived. Its number, and the way to ask about it, need nothing more; the rest is a chunk (done.tsx).
 */

import { useLayoutEffect, useRef } from "preact/hooks";
import { link } from "../shared/links.ts";
import type { Receipt } from "../shared/contract.ts";
import { focus } from "../shared/focus.ts";
import type { Lazy } from "../shared/lazy.ts";
import { useSite } from "../shared/site.ts";
import type { Values } from "./values.ts";

export function Received({
  done: { chunk },
  ...props
}: {
  receipt: Receipt;
  values: Values;
  earlier: boolean;
  again: () => void;
  done: Lazy<typeof import("./done/entry.ts")>;
}) {
  const {
    config,
    language: { t, number }
  } = useSite();
  const {
    receipt: { number: given, code, track_url: track }
  } = props;
  const heading = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => focus(heading), []);
  return (
    <div class="done">
      <h3 tabIndex={-1} ref={heading}>
        {t("done_received")}
      </h3>
      <p class="figure">{t("done_number", { number: number(given) })}</p>
      {chunk ? (
        <chunk.Done {...props} />
      ) : (
        <p>
          {code} <a href={link(track || config.links.track)}>{t("unavailable_link")}</a>
        </p>
      )}
    </div>
  );
}
