/**
 * After sending: what happens next as dated lines, and the way to follow it; the number is there already
 * (received.tsx).
 */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { focusOn } from "../../shared/focus.ts";
import { link } from "../../shared/links.ts";
import { Icon } from "../../shared/ui/icon.tsx";
import { useSite } from "../../shared/site.ts";
import { forget, remember, sentTo } from "../mine/sent.ts";
import type { ReceivedOutcome } from "../send.ts";
import type { ReportSession } from "../session.ts";

export function Done({ report, outcome: { receipt, earlier } }: { report: ReportSession; outcome: ReceivedOutcome }) {
  const {
    config,
    entries,
    language: { t, date }
  } = useSite();
  const agency = receipt.receiver || config.agency.name;
  const { values } = report.draft;
  const email = values.email.trim();
  const track = receipt.track_url;
  const action = (text: Parameters<typeof t>[0], act: () => void) => (
    <button class="button quiet" type="button" onClick={act}>
      {t(text)}
    </button>
  );
  return (
    <>
      {earlier && (
        <p class="notice">
          <Icon name="info" />
          <span>{t("done_earlier")}</span>
        </p>
      )}
      {values.photos.some(({ token }) => !token) && (
        <p class="notice">
          <Icon name="alert" />
          <span>{t("done_no_photos")}</span>
        </p>
      )}
      <ol class="timeline">
        <li class="past">
          <time>{date(receipt.received_at)}</time>
          <span>{t("done_received")}</span>
        </li>
        <li class="now">
          <time>{t("done_now")}</time>
          <span>{email ? t("done_confirm", { email }) : t("done_moderation")}</span>
        </li>
        {/* A directory promises no answer. */}
        {receipt.answer_due && (
          <li>
            <time>{t("due_by", { date: date(receipt.answer_due) })}</time>
            <span>{t("done_answer", { agency })}</span>
          </li>
        )}
      </ol>
      {receipt.code && (
        <section class="panel">
          <h4>{t("done_code")}</h4>
          <p class="code">{receipt.code}</p>
          <p class="hint">
            {t("done_code_hint")} <a href={link(config.links.track)}>{t("done_track")}</a>
          </p>
        </section>
      )}
      {track && <Copy track={track} />}
      {/* Entries of a collection have numbers of its own. */}
      {!entries && <Kept number={receipt.number} track={track} />}
      <p class="text paper">{values.description}</p>
      <p class="actions">
        {action("again", () => report.again())}
        {track &&
          "share" in navigator &&
          action("share", () => navigator.share({ title: t("title"), url: track }).catch(() => {}))}
        {action("print", () => print())}
      </p>
    </>
  );
}

/** That the number stays in «Мои сообщения», and how to prevent it: a computer may be a library's. */
function Kept({ number, track }: { number: number; track: string | null | undefined }) {
  const {
    host,
    options: { key },
    language: { t }
  } = useSite();
  const [changes, setChanges] = useState(0);
  useLayoutEffect(() => {
    remember(key, number, track);
    setChanges(1);
  }, []);
  const isKept = sentTo(key).some(one => one.number === number);
  return (
    <p class="hint" id="kept" tabIndex={-1}>
      {changes > 0 && t(isKept ? "done_kept" : "done_forgotten")}{" "}
      {isKept && (
        <button
          class="link"
          type="button"
          onClick={() => {
            forget(key, number);
            focusOn(host, "kept");
            setChanges(changes + 1);
          }}>
          {t("done_forget")}
        </button>
      )}
    </p>
  );
}

function Copy({ track }: { track: string }) {
  const {
    language: { t }
  } = useSite();
  const field = useRef<HTMLInputElement>(null);
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    field.current!.select();
    try {
      // Plain http hosts have no clipboard object; the old command works there.
      await (navigator.clipboard ? navigator.clipboard.writeText(track) : document.execCommand("copy"));
      setCopied(true);
    } catch {
      field.current!.select();
    }
  };
  return (
    <div class="field">
      <label class="label" for="track">
        {t("done_link")}
      </label>
      <p class="hint" id="track-hint">
        {t("done_link_hint")}
      </p>
      <div class="actions">
        <input
          id="track"
          ref={field}
          readOnly
          value={track}
          aria-describedby="track-hint"
          onFocus={event => event.currentTarget.select()}
        />
        <button class="button quiet" type="button" onClick={copy}>
          {t(copied ? "copied" : "copy")}
        </button>
        <a href={link(track)} target="_blank" rel="noopener">
          {t("unavailable_link")}
        </a>
      </div>
      <p class="away" role="status">
        {copied && t("copied")}
      </p>
    </div>
  );
}
