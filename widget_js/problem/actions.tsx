/** What a reader can do: say «me too», follow by e-mail, share, print. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { ApiError } from "../shared/api.ts";
import type { Detail } from "../shared/contract.ts";
import { Failed } from "../shared/ui/failure.tsx";
import { focusOn, show } from "../shared/focus.ts";
import { preloadOn, type Lazy } from "../shared/lazy.ts";
import { pageOf } from "../shared/page.ts";
import { useSite, type Shown } from "../shared/site.ts";
import { voices } from "../shared/voices.ts";
import { Words } from "../shared/ui/words.tsx";

export type Talk = Lazy<typeof import("./discussion/entry.ts")>;

export function Actions({
  problem,
  closed,
  changed,
  talk
}: {
  problem: Detail & Shown;
  closed: boolean;
  changed: (supporters: number) => void;
  talk: Talk;
}) {
  const site = useSite();
  const {
    entries,
    host,
    language: { t, count }
  } = site;
  const { number, supporters } = problem;
  const [said, say] = useState<string | ApiError>("");
  const busy = said === t("sending");
  const [following, follow] = useState(false);
  const [given, setGiven] = useState(() => voices(site).includes(String(number)));
  const [copying, setCopying] = useState(false);
  const here = !!talk.chunk;
  const note = useRef<HTMLParagraphElement>(null);
  // Said where one looks: on the button itself.
  const copied = said === t("copied") && said;
  // On a phone the buttons are often the last that can be seen.
  useLayoutEffect(() => {
    if (said && !copied) show(note.current!);
  }, [said]);
  useLayoutEffect(() => {
    if (!following) return;
    if (here) focusOn(host, "follow-email");
    else void talk.load();
  }, [following, here]);
  const address = problem.url || pageOf(site, number)!;

  const support = async () => {
    if (busy || given) return;
    say(t("sending"));
    try {
      changed(await (talk.chunk || (await talk.load()))!.support(site, number));
      setGiven(true);
      say(t("voice_counted"));
    } catch (error) {
      say(error as ApiError);
    }
  };
  const share = async () => {
    const title = problem.title || problem.description.split("\n")[0];
    try {
      if ("share" in navigator) return await navigator.share({ title: title!, url: address });
      await (navigator as Navigator).clipboard.writeText(address);
      say(t("copied"));
    } catch (error) {
      // Whoever closes the sheet of the system wants nothing more; where nothing can be written, it is copied by hand.
      if ((error as Error).name === "AbortError") return;
      setCopying(true);
      focusOn(host, "copy");
    }
  };
  const quiet = (text: string, act: () => unknown, rest = {}) => (
    <button class="button quiet" type="button" onClick={act} {...rest}>
      {text}
    </button>
  );
  return (
    <>
      {entries && <entries.Act entry={problem} closed={closed || !!problem.duplicate_of} />}
      <p class="actions">
        {!closed && (!entries || entries.action === "support") && (
          <button
            class={given ? "button quiet" : "button"}
            type="button"
            aria-disabled={busy || given || undefined}
            onClick={support}
            {...preloadOn(site, "discussion")}>
            <Words>{t(given ? "voice_given" : "support")}</Words>
          </button>
        )}
        {!problem.duplicate_of &&
          quiet(t("follow"), () => follow(!following), {
            "aria-expanded": following,
            ...preloadOn(site, "discussion")
          })}
        {quiet(copied ? said : t("share"), share, {
          onBlur: () => {
            if (copied) say("");
          }
        })}
        {quiet(t("print"), async () =>
          (talk.chunk || (await talk.load()) || { printAlone: () => print() }).printAlone(site, address)
        )}
      </p>
      <p class={copied ? "away" : "note"} role="status" ref={note}>
        {typeof said === "string" ? (
          <Words>{said}</Words>
        ) : talk.chunk ? (
          <talk.chunk.Unsent error={said} page={address} />
        ) : (
          t("not_sent")
        )}
      </p>
      <p class="note">
        <Words>{supporters > 0 && count("voices", supporters)}</Words>
      </p>
      {copying && (
        <input
          id="copy"
          readOnly
          aria-label={t("copy")}
          value={address}
          onFocus={event => event.currentTarget.select()}
        />
      )}
      {following &&
        (talk.chunk ? (
          <talk.chunk.Follow number={number} />
        ) : (
          talk.failed && <Failed text={t("part_failed")} retry={talk.load} />
        ))}
    </>
  );
}
