/** A small form that ends in a letter: an address, a consent of its own, and what stands above them. */

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { ApiError } from "../../shared/api.ts";
import { link } from "../../shared/links.ts";
import { pageOf } from "../../shared/page.ts";
import type { Language } from "../../shared/i18n.ts";
import { Check, TextField } from "../../shared/ui/field.tsx";
import { focusOn, show } from "../../shared/focus.ts";
import { useSite } from "../../shared/site.ts";
import { post } from "../../shared/post.ts";
import { Unsent } from "./unsent.tsx";
import { Words } from "../../shared/ui/words.tsx";

type Errors = Record<string, string>;

export function EmailForm({
  id,
  number,
  given = "",
  hint,
  submit,
  sent,
  refusal,
  fields = {},
  check,
  head,
  onSent
}: {
  id: "comment" | "follow" | "vote" | "join" | "contact";
  number: number;
  /** The address, where it is known already. */
  given?: string | undefined;
  hint: string;
  submit: string;
  sent: Parameters<Language["t"]>[0];
  /** What is said where the consent is missing. */
  refusal: string;
  /** What else is sent, how it is checked before, and the controls it comes from. */
  fields?: object;
  check?: () => Errors;
  head?: (errors: Errors) => ComponentChildren;
  onSent?: () => void;
}) {
  const site = useSite();
  const {
    config,
    host,
    options: { lang },
    tickets,
    language: { t }
  } = site;
  const publication = config.consent.publish_name;
  const path = `/problems/${number}/${id}` + (id === "comment" ? "s" : "");
  const [email, setEmail] = useState(given);
  const [consent, setConsent] = useState(false);
  const [publish, setPublish] = useState(false);
  const [errors, setErrors] = useState<Errors>({});
  /** `done`: the address it went to; another one may be typed meanwhile. */
  const [state, set] = useState<{ busy?: boolean; done?: string; failed?: ApiError }>({});
  // The work for the ticket runs while the person types.
  useLayoutEffect(() => void tickets.prepare(), []);
  const form = useRef<HTMLFormElement>(null);
  // The button that opens it is often the last thing on the screen: as much of it as has room is seen, at once.
  useLayoutEffect(() => show(form.current!), []);
  const fail = (found: Errors) => {
    setErrors(found);
    set({});
    const [first] = Object.keys(found);
    if (first) focusOn(host, `${id}-${first}`);
  };
  const send = async (event: Event) => {
    event.preventDefault();
    if (state.busy) return;
    const found: Errors = check ? check() : {};
    if (!/^\S+@\S+\.\S+$/.test(email.trim())) found.email = t(email.trim() ? "error_email" : "error_email_required");
    if (!consent) found.consent = refusal;
    if (Object.keys(found).length) return fail(found);
    setErrors({});
    set({ busy: true });
    try {
      await post(site, path, {
        ...fields,
        email: email.trim(),
        consent: {
          version: config.consent.version,
          processing: true,
          publish_name: publish,
          name_version: publication.version
        },
        lang
      });
      set({ done: email.trim() });
      if (onSent) onSent();
      focusOn(host, id + "-sent");
    } catch (thrown) {
      const { status, body } = thrown as ApiError;
      const wrong = (body.errors || []).map(({ field, detail }) => [field.split(".")[0]!, detail || t("error_field")]);
      if (status === 422 && wrong.length) return fail(Object.fromEntries(wrong));
      set({ failed: thrown as ApiError });
    }
  };
  if (state.done)
    return (
      <p class="notice" id={id + "-sent"} tabIndex={-1}>
        <span>{t(sent, { email: state.done })}</span>
      </p>
    );
  return (
    <form class="panel" ref={form} noValidate onSubmit={send} aria-busy={state.busy}>
      {head && head(errors)}
      <TextField
        id={id + "-email"}
        type="email"
        inputMode="email"
        autoComplete="email"
        label={t("email_label")}
        hint={hint}
        value={email}
        error={errors.email}
        onChange={setEmail}
      />
      <Check id={id + "-consent"} error={errors.consent} checked={consent} onChange={setConsent}>
        {t("consent")}.{" "}
        <a href={link(config.consent.url)} target="_blank" rel="noopener">
          {t("consent_link")}
        </a>
      </Check>
      {id === "comment" && (
        <Check id="comment-publish" error={undefined} checked={publish} onChange={setPublish}>
          {t("publish")}.{" "}
          <a href={link(publication.url)} target="_blank" rel="noopener">
            {t("consent_link")}
          </a>
        </Check>
      )}
      <p class="note bad" role="alert">
        {state.failed && <Unsent error={state.failed} page={pageOf(site, number)} />}
      </p>
      <p class="actions">
        <button class="button" aria-disabled={state.busy || undefined}>
          <Words>{state.busy ? t("sending") : submit}</Words>
        </button>
      </p>
    </form>
  );
}
