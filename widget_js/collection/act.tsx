/** A vote for an entry, a part in it, a letter to its author: each begins with a small form and a letter. */

import type { ComponentChildren, ComponentType } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";
import { focusOn } from "../shared/focus.ts";
import type { Language } from "../shared/i18n.ts";
import { useLazy } from "../shared/lazy.ts";
import { preloadOn } from "../shared/preload.ts";
import { useSite, type Shown } from "../shared/site.ts";
import { Failed } from "../shared/ui/failure.tsx";
import { Check, described, Head, TextField } from "../shared/ui/field.tsx";
import { ballot, isOver, rolesOf } from "./entries.ts";

type Errors = Record<string, string>;

/** What this takes of the chunk «discussion»: the small form that ends in a letter. */
export interface DiscussionChunk {
  EmailForm: ComponentType<{
    id: "vote" | "join" | "contact";
    number: number;
    hint: string;
    submit: string;
    sent: Parameters<Language["t"]>[0];
    refusal: string;
    fields: object;
    check?: () => Errors;
    head: (errors: Errors) => ComponentChildren;
    onSent?: () => void;
  }>;
}

/** Characters of a letter, as the service takes them. */
const SHORTEST = 3;

export function Act({ entry, closed }: { entry: Shown; closed: boolean }) {
  const site = useSite();
  const {
    entries,
    host,
    language,
    language: { t }
  } = site;
  const { action, voting } = entries!;
  const [open, setOpen] = useState(entries!.acting.current === entry.number);
  const { chunk, failed, load } = useLazy<DiscussionChunk>("discussion");
  const loaded = !!chunk;
  useLayoutEffect(() => void (entries!.acting.current = 0), []);
  useLayoutEffect(() => {
    if (!open) return;
    if (loaded) focusOn(host, "acting");
    else void load();
  }, [open, loaded]);
  if (closed || action === "none" || action === "support" || (action === "join" && isOver(entry, Date.now())))
    return null;
  const { taking, text } = voting ? ballot(voting, entries!.given.length, language) : { taking: true, text: "" };
  const ActForm = { vote: Vote, join: Join, contact: Contact }[action];
  return (
    <>
      {taking && (
        <p class="actions">
          <button
            class={open ? "button quiet" : "button"}
            type="button"
            aria-expanded={open}
            onClick={() => setOpen(!open)}
            {...preloadOn(site, "discussion")}>
            {open && action === "vote" && entry.title ? t("vote_title", { title: entry.title }) : t(`act_${action}`)}
          </button>
        </p>
      )}
      {text && <p class="note">{text}</p>}
      {taking &&
        open &&
        (chunk ? (
          <div id="acting" tabIndex={-1}>
            <ActForm entry={entry} EmailForm={chunk.EmailForm} />
          </div>
        ) : (
          failed && <Failed text={t("part_failed")} retry={load} />
        ))}
    </>
  );
}

interface Props {
  entry: Shown;
  EmailForm: DiscussionChunk["EmailForm"];
}

function Vote({ entry: { number }, EmailForm }: Props) {
  const {
    entries,
    language: { t, number: figure }
  } = useSite();
  const { give } = entries!;
  const [declared, declare] = useState(false);
  const age = entries!.voting && entries!.voting.min_age;
  return (
    <EmailForm
      id="vote"
      number={number}
      hint={t("vote_email_hint")}
      submit={t("act_vote")}
      sent="vote_sent"
      refusal={t("act_consent")}
      fields={{ declared }}
      onSent={() => give(number)}
      check={(): Errors => (declared ? {} : { declared: t("vote_declared_error") })}
      head={errors => (
        <>
          <p class="hint">{t("vote_rules")}</p>
          <Check id="vote-declared" error={errors.declared} checked={declared} onChange={declare}>
            {age ? t("vote_declared_age", { age: figure(age) }) : t("vote_declared")}
          </Check>
        </>
      )}
    />
  );
}

/** What one writes, and by which name. */
function useWords(id: "join" | "contact", rows: number) {
  const { t } = useSite().language;
  const [text, setText] = useState("");
  const [name, setName] = useState("");
  return {
    words: { text: text.trim(), name: name.trim() },
    fields: (errors: Errors) => (
      <>
        <TextField
          id={id + "-text"}
          rows={rows}
          label={t(`${id}_text`)}
          hint={t(`${id}_text_hint`)}
          error={errors.text}
          optional={id === "join"}
          value={text}
          onChange={setText}
        />
        <TextField
          id={id + "-name"}
          autoComplete="name"
          label={t("act_name")}
          hint={t(`${id}_name_hint`)}
          error={errors.name}
          optional
          value={name}
          onChange={setName}
        />
      </>
    )
  };
}

function Join({ entry, EmailForm }: Props) {
  const {
    entries,
    language: { t }
  } = useSite();
  const [role, setRole] = useState("");
  const { words, fields } = useWords("join", 3);
  const roles = rolesOf(entry, entries!.roles);
  const head = (errors: Errors): ComponentChildren => (
    <>
      {roles.length ? (
        <div class="field">
          <Head id="join-role" label={t("join_role")} error={errors.role} optional />
          <select
            id="join-role"
            value={role}
            {...described({ id: "join-role", error: errors.role })}
            onChange={event => setRole(event.currentTarget.value)}>
            <option value="">{t("join_any_role")}</option>
            {roles.map(one => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </div>
      ) : (
        <TextField
          id="join-role"
          label={t("join_role")}
          hint={t("join_role_hint")}
          error={errors.role}
          optional
          value={role}
          onChange={setRole}
        />
      )}
      {fields(errors)}
    </>
  );
  return (
    <EmailForm
      id="join"
      number={entry.number}
      hint={t("join_email_hint")}
      submit={t("act_join")}
      sent="join_sent"
      refusal={t("act_consent")}
      fields={{ role, ...words }}
      head={head}
    />
  );
}

function Contact({ entry: { number }, EmailForm }: Props) {
  const {
    language: { t }
  } = useSite();
  const { words, fields } = useWords("contact", 5);
  const [shown, show] = useState(false);
  return (
    <EmailForm
      id="contact"
      number={number}
      hint={t("contact_email_hint")}
      submit={t("contact_send")}
      sent="contact_sent"
      refusal={t("act_consent")}
      fields={{ ...words, show_email: shown }}
      check={(): Errors => ([...words.text].length < SHORTEST ? { text: t("contact_error") } : {})}
      head={errors => (
        <>
          {fields(errors)}
          <Check id="contact-show_email" error={errors.show_email} checked={shown} onChange={show}>
            {t("contact_show_email")}
          </Check>
        </>
      )}
    />
  );
}
