/** What a reader can do: say «me too», follow by e-mail, share, print. */

import { useEffect, useRef, useState } from "preact/hooks";
import type { ApiError } from "../api.ts";
import type { Detail } from "../contract.ts";
import { T } from "../i18n.ts";
import { Failed } from "../list/failed.tsx";
import { focusOn, show } from "../parts/hooks.ts";
import { warm, type useLater } from "../parts/later.ts";
import { useSite } from "../parts/site.ts";
import { isClosed } from "./timeline.tsx";
import { voices } from "./voices.ts";

export type Talk = ReturnType<typeof useLater<"talk">>;

export function Actions({ problem, changed, talk }: { problem: Detail; changed: (supporters: number) => void; talk: Talk }) {
  const site = useSite();
  const { host, language: { t, count, locale }, options: { key, service } } = site;
  const { number, supporters } = problem;
  const [said, say] = useState<string | ApiError>("");
  const busy = said === t(T.sending);
  const [following, follow] = useState(false);
  const [given, setGiven] = useState(() => voices(site).includes(String(number)));
  const [copying, setCopying] = useState(false);
  const here = !!talk.chunk;
  const note = useRef<HTMLParagraphElement>(null);
  // Said where one looks: on the button itself.
  const copied = said === t(T.copied) && said;
  // On a phone the buttons are often the last that can be seen.
  useEffect(() => { if (said && !copied) show(note.current!); }, [said]);
  useEffect(() => {
    if (!following) return;
    if (here) focusOn(host, "follow-email");
    else void talk.load();
  }, [following, here]);
  const address = problem.url || `${service}/s/${key}/problems/${number}`;

  const support = async () => {
    if (busy || given) return;
    say(t(T.sending));
    try {
      changed(await (talk.chunk || await talk.load())!.support(site, number));
      setGiven(true);
      say(t(T.voice_counted));
    } catch (error) {
      say(error as ApiError);
    }
  };
  const share = async () => {
    const [title] = problem.description.split("\n");
    try {
      if ("share" in navigator) return await navigator.share({ title: title!, url: address });
      await (navigator as Navigator).clipboard.writeText(address);
      say(t(T.copied));
    } catch (error) {
      // Whoever closes the sheet of the system wants nothing more; where nothing can be written, it is copied by hand.
      if ((error as Error).name === "AbortError") return;
      setCopying(true);
      focusOn(host, "copy");
    }
  };
  const quiet = (text: string, act: () => unknown, rest = {}) => <button class="button quiet" type="button" onClick={act} {...rest}>{text}</button>;
  return <>
    <p class="actions">
      {!isClosed(problem) && <button class={given ? "button quiet" : "button"} type="button" aria-disabled={busy || given || undefined} onClick={support} {...warm("talk", locale)}>
        {t(given ? T.voice_given : T.support)}
      </button>}
      {!problem.duplicate_of && quiet(t(T.follow), () => follow(!following), { "aria-expanded": following, ...warm("talk", locale) })}
      {quiet(copied ? said : t(T.share), share, { onBlur: () => { if (copied) say(""); } })}
      {quiet(t(T.print), async () => (talk.chunk || await talk.load() || { printAlone: () => print() }).printAlone(site, address))}
    </p>
    <p class={copied ? "away" : "note"} role="status" ref={note}>{typeof said === "string" ? said : talk.chunk ? <talk.chunk.Unsent error={said} page={address} /> : t(T.not_sent)}</p>
    <p class="note">{supporters > 0 && count(T.voices, supporters)}</p>
    {copying && <input id="copy" readOnly aria-label={t(T.copy)} value={address} onFocus={event => event.currentTarget.select()} />}
    {following && (talk.chunk ? <talk.chunk.Follow number={number} /> : talk.failed && <Failed text={t(T.part_failed)} retry={talk.load} />)}
  </>;
}
