/** The report has arrived. Its number, and the way to ask about it, need nothing more; the rest is a chunk (done.tsx). */

import { useEffect, useRef } from "preact/hooks";
import { link } from "../host.ts";
import { T } from "../i18n.ts";
import type { Receipt } from "../contract.ts";
import { focus } from "../parts/hooks.ts";
import type { useLater } from "../parts/later.ts";
import { useSite } from "../parts/site.ts";
import type { Values } from "./values.ts";

export function Received({ done: { chunk }, ...props }: {
  receipt: Receipt; values: Values; earlier: boolean; again: () => void; done: ReturnType<typeof useLater<"done">>;
}) {
  const { config, language: { t, number } } = useSite();
  const { receipt: { number: given, code, track_url: track } } = props;
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => focus(heading), []);
  return <div class="done">
    <h3 tabIndex={-1} ref={heading}>{t(T.done_received)}</h3>
    <p class="figure">{t(T.done_number, { number: number(given) })}</p>
    {chunk ? <chunk.Done {...props} /> : <p>{code} <a href={link(track || config.links.track)}>{t(T.unavailable_link)}</a></p>}
  </div>;
}
