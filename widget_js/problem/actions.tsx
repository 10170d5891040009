/** What a reader can do: say «me too», follow by e-mail, share, print. */

import { useState } from "preact/hooks";
import type { ApiError } from "../api.ts";
import type { Detail } from "../contract.ts";
import { T } from "../i18n.ts";
import { focusOn } from "../parts/hooks.ts";
import { useSite } from "../parts/site.ts";
import { quietly, supporter } from "../parts/storage.ts";
import { Letter } from "./letter.tsx";
import { post } from "./post.ts";
import { printAlone } from "./print.ts";
import { isClosed } from "./timeline.tsx";

export function Actions({ problem, changed }: { problem: Detail; changed: (supporters: number) => void }) {
  const site = useSite();
  const { host, language: { t, count }, options: { key, service } } = site;
  const { number, supporters } = problem;
  const voices = "igrajdanin:voices:" + key;
  const mine = () => (quietly(() => localStorage.getItem(voices)) || "").split(",");
  const [said, say] = useState("");
  const [busy, setBusy] = useState(false);
  const [following, follow] = useState(false);
  const [given, setGiven] = useState(() => mine().includes(String(number)));
  const [copying, setCopying] = useState(false);
  const address = problem.url || `${service}/s/${key}/problems/${number}`;

  const support = async () => {
    if (busy || given) return;
    setBusy(true);
    say(t(T.sending));
    try {
      const { supporters: many } = await post<{ supporters: number }>(site, `/problems/${number}/support`, { supporter: supporter() });
      quietly(() => localStorage.setItem(voices, [...mine(), number].filter(Boolean).join()));
      changed(many);
      setGiven(true);
      say(t(T.voice_counted));
    } catch (error) {
      say((error as ApiError).body.detail || t(T.not_sent));
    }
    setBusy(false);
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
      focusOn(host, "address");
    }
  };
  const quiet = (text: string, act: () => unknown, rest = {}) => <button class="button quiet" type="button" onClick={act} {...rest}>{text}</button>;
  return <>
    <p class="actions">
      {!isClosed(problem) && <button class={given ? "button quiet" : "button"} type="button" aria-disabled={busy || given || undefined} onClick={support}>
        {t(given ? T.voice_given : T.support)}
      </button>}
      {!problem.duplicate_of && quiet(t(T.follow), () => { follow(!following); if (!following) focusOn(host, "follow-email"); }, { "aria-expanded": following ? "true" : "false" })}
      {quiet(t(T.share), share)}
      {quiet(t(T.print), printAlone)}
    </p>
    <p class="note">{supporters > 0 && count(T.supporters, supporters)}</p>
    <p class="note" role="status">{said}</p>
    {copying && <input id="address" readOnly aria-label={t(T.copy)} value={address} onFocus={event => event.currentTarget.select()} />}
    {following && <Letter id="follow" path={`/problems/${number}/follow`} hint={t(T.follow_hint)} submit={t(T.follow)} sent={T.follow_sent} />}
  </>;
}
