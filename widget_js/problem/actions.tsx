/** What a reader can do: say «me too», follow by e-mail, share, print. */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../shared/api.ts";
import type { Detail } from "../shared/contract.ts";
import { Failed } from "../shared/ui/failure.tsx";
import { focusOn, show } from "../shared/focus.ts";
import { type Lazy } from "../shared/lazy.ts";
import { preloadOn } from "../shared/preload.ts";
import { pageOf } from "../shared/page.ts";
import { useSite, type Shown } from "../shared/site.ts";
import { voices } from "../shared/voices.ts";
import { Words } from "../shared/ui/words.tsx";

export type Discussion = Lazy<typeof import("./discussion/entry.ts")>;

export function Actions({
  problem,
  closed,
  changed,
  discussion
}: {
  problem: Detail & Shown;
  closed: boolean;
  changed: (supporters: number) => void;
  discussion: Discussion;
}) {
  const site = useSite();
  const {
    entries,
    host,
    language: { t, count }
  } = site;
  const { number, supporters } = problem;
  const [message, setMessage] = useState<string | ApiError>("");
  const busy = message === t("sending");
  const [following, follow] = useState(false);
  const [given, setGiven] = useState(() => voices(site).includes(String(number)));
  const [copying, setCopying] = useState(false);
  const { chunk } = discussion;
  const loaded = !!chunk;
  const note = useRef<HTMLParagraphElement>(null);
  // The button itself says it, since one looks there.
  const copied = message === t("copied") && message;
  // On a phone the buttons are often the last that can be seen.
  useLayoutEffect(() => {
    if (message && !copied) show(note.current!);
  }, [message]);
  useLayoutEffect(() => {
    if (!following) return;
    if (loaded) focusOn(host, "follow-email");
    else void discussion.load();
  }, [following, loaded]);
  const address = problem.url || pageOf(site, number)!;

  const support = async () => {
    if (busy || given) return;
    setMessage(t("sending"));
    const parts = chunk || (await discussion.load());
    try {
      // The code did not come, so nothing was sent.
      if (!parts) throw new ApiError(0);
      changed(await parts.support(site, number));
      setGiven(true);
      setMessage(t("voice_counted"));
    } catch (error) {
      setMessage(error as ApiError);
    }
  };
  const share = async () => {
    const title = problem.title || problem.description.split("\n")[0];
    try {
      if ("share" in navigator) return await navigator.share({ title: title!, url: address });
      await (navigator as Navigator).clipboard.writeText(address);
      setMessage(t("copied"));
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
        {quiet(copied ? message : t("share"), share, {
          onBlur: () => {
            if (copied) setMessage("");
          }
        })}
        {quiet(t("print"), async () =>
          (chunk || (await discussion.load()) || { printAlone: () => print() }).printAlone(site, address)
        )}
      </p>
      <p class={copied ? "away" : "note"} role="status" ref={note}>
        {typeof message === "string" ? (
          <Words>{message}</Words>
        ) : chunk ? (
          <chunk.Unsent error={message} page={address} />
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
        (chunk ? (
          <chunk.Follow number={number} />
        ) : (
          discussion.failed && <Failed text={t("part_failed")} retry={discussion.load} />
        ))}
    </>
  );
}
