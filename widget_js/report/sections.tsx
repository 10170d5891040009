/** What is wrong, and where the answer goes. */

import { useState } from "preact/hooks";
import { link } from "../shared/links.ts";
import { Check, TextField } from "../shared/ui/field.tsx";
import type { Lazy } from "../shared/lazy.ts";
import { useSite } from "../shared/site.ts";
import { Failed } from "../shared/ui/failure.tsx";
import { focusOn } from "../shared/focus.ts";
import { bind, type SectionProps } from "./section.ts";
import { askedContacts, chosen, needsConsent } from "./values.ts";

/** Characters left, or too many, that are worth to be heard at each change. */
const NEAR = 20;

export function DescriptionSection(props: SectionProps) {
  const { values } = props;
  const {
    config,
    language: { t }
  } = useSite();
  const { questions } = chosen(config, values);
  const { chunk, failed, load } = props.laterChunk as Lazy<typeof import("./later.ts")>;
  const left = config.limits.description.max - [...values.description].length;
  return (
    <>
      {config.entry && <TextField {...bind(props, "subject")} label={config.entry} />}
      <TextField {...bind(props, "description")} label={t("description_label")} hint={t("description_hint")} rows={5} />
      <p class={left < 0 ? "counter error" : "counter"} role={left < NEAR ? "status" : undefined}>
        {left < 0 ? t("error_description_long", { n: -left }) : t("characters_left", { n: left })}
      </p>
      {chunk ? (
        <chunk.Described {...props} />
      ) : (
        failed && questions.length > 0 && <Failed text={t("unavailable_server")} retry={load} />
      )}
    </>
  );
}

export function ContactsSection(props: SectionProps) {
  const { values, errors, set } = props;
  const site = useSite();
  const {
    config,
    host,
    language: { t }
  } = site;
  const [more, setMore] = useState(false);
  const required = config.contact === "required";
  const asked = askedContacts(site);
  const others = asked.filter(name => name !== "email");
  const agreement = (id: "consent" | "publish", { url }: { url: string }) => (
    <Check id={id} error={errors[id]} checked={values[id]} onChange={agreed => set({ [id]: agreed })}>
      {t(id)}.{" "}
      <a href={link(url)} target="_blank" rel="noopener">
        {t("consent_link")}
      </a>
    </Check>
  );
  return (
    <>
      {asked.includes("email") && (
        <TextField
          {...bind(props, "email")}
          type="email"
          inputMode="email"
          autoComplete="email"
          optional={!required}
          label={t("email_label")}
          hint={t(required ? "email_hint_required" : "email_hint")}
        />
      )}
      {more || others.length === 1 || others.some(name => values[name] || errors[name])
        ? others.map(name => (
            <TextField
              key={name}
              {...bind(props, name)}
              type={name === "phone" ? "tel" : "text"}
              autoComplete={name === "phone" ? "tel" : "name"}
              optional
              label={t(name === "phone" ? "phone_label" : "name_label")}
            />
          ))
        : others[0] && (
            <p>
              <button
                class="link"
                type="button"
                onClick={() => {
                  setMore(true);
                  focusOn(host, "name");
                }}>
                {t("more_contacts")}
              </button>
            </p>
          )}
      {asked[0] && <p class="hint">{t("contacts_private")}</p>}
      {needsConsent(config, values) && agreement("consent", config.consent)}
      {asked.includes("name") && values.name.trim() && agreement("publish", config.consent.publish_name)}
    </>
  );
}
