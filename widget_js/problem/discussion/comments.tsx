/**
 * What people say under a problem, the agency's word marked as official; and a word of one's own, read by a moderator
 * first.
 */

import { useLayoutEffect, useState } from "preact/hooks";
import type { Comment, Comments as Answer } from "../../shared/contract.ts";
import { Failed } from "../../shared/ui/failure.tsx";
import { TextField } from "../../shared/ui/field.tsx";
import { focusOn } from "../../shared/focus.ts";
import { useSite } from "../../shared/site.ts";
import { findPersonalData } from "../../shared/personalData.ts";
import { PrivacyNotice } from "../../shared/ui/privacyNotice.tsx";
import { EmailForm } from "./emailForm.tsx";

/** Characters a comment may have. */
const LONGEST = 2_000;

export function Comments({ number, closed }: { number: number; closed: boolean }) {
  const {
    api,
    config,
    host,
    language: { t, date }
  } = useSite();
  const [state, set] = useState<{
    items: Comment[];
    next?: string | null | undefined;
    loaded?: boolean;
    failed?: boolean;
  }>({ items: [] });
  const [writing, write] = useState(false);
  const path = `/problems/${number}/comments`;
  const load = async () => {
    const { items: known, next: cursor } = state;
    set(before => ({ ...before, failed: false }));
    try {
      const { items, next } = await api.get<Answer>(path + (cursor ? "?cursor=" + encodeURIComponent(cursor) : ""));
      // Pressed twice, the button asks twice for the same.
      set(before => (before.next === cursor ? { items: [...known, ...items], next, loaded: true } : before));
      if (cursor) focusOn(host, "comment-" + known.length);
    } catch {
      set(before => ({ ...before, failed: true }));
    }
  };
  useLayoutEffect(() => void load(), []);
  const { items, next, loaded, failed } = state;
  return (
    <section class="comments" aria-label={t("comments_title")}>
      <h4 id="comments" tabIndex={-1}>
        {t("comments_title")}
      </h4>
      {loaded && !items.length && <p class="muted">{t("comments_none")}</p>}
      <ul>
        {items.map(({ name, text, at, official, agency }, index) => (
          <li class={official ? "comment answer" : "comment"} key={index} id={"comment-" + index} tabIndex={-1}>
            <p>
              <strong>{official ? agency : name}</strong> {official && <span class="muted">{t("official")}</span>}{" "}
              <time class="muted" dateTime={at}>
                {date(at)}
              </time>
            </p>
            <p class="text" lang={config.language}>
              {text}
            </p>
          </li>
        ))}
      </ul>
      {failed && (
        <Failed
          text={t("comments_failed")}
          retry={() => {
            focusOn(host, "comments");
            void load();
          }}
        />
      )}
      {next && !failed && (
        <p class="actions">
          <button class="button quiet" type="button" onClick={load}>
            {t("comments_more")}
          </button>
        </p>
      )}
      {!closed &&
        (writing ? (
          <Write number={number} />
        ) : (
          <p class="actions">
            <button
              class="button quiet"
              type="button"
              onClick={() => {
                write(true);
                focusOn(host, "comment-text");
              }}>
              {t("comment_write")}
            </button>
          </p>
        ))}
    </section>
  );
}

function Write({ number }: { number: number }) {
  const {
    language: { t }
  } = useSite();
  const [text, setText] = useState("");
  const [name, setName] = useState("");
  const check = () => {
    const found: Record<string, string> = {};
    const length = [...text.trim()].length;
    if (length < 3) found.text = t("error_comment");
    else if (length > LONGEST) found.text = t("error_description_long", { n: length - LONGEST });
    if (!name.trim()) found.name = t("error_name");
    return found;
  };
  return (
    <EmailForm
      id="comment"
      number={number}
      refusal={t("comment_consent")}
      hint={t("comment_hint")}
      submit={t("comment_send")}
      sent="comment_sent"
      fields={{ name: name.trim(), text: text.trim() }}
      check={check}
      head={errors => (
        <>
          <TextField
            id="comment-text"
            rows={4}
            label={t("comment_label")}
            value={text}
            error={errors.text}
            onChange={setText}
          />
          <PrivacyNotice found={findPersonalData(text)} />
          <TextField
            id="comment-name"
            autoComplete="name"
            label={t("name_label")}
            hint={t("comment_name_hint")}
            value={name}
            error={errors.name}
            onChange={setName}
          />
        </>
      )}
    />
  );
}
