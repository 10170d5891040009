/** What is wrong, and where the answer goes. */

import { useState } from "preact/hooks";
import { link } from "../shared/links.ts";
import { Check, TextField } from "../shared/ui/field.tsx";
import { useSite } from "../shared/site.ts";
import { focusOn } from "../shared/focus.ts";
import { Questions } from "./questions.tsx";
import { bind, type SectionProps } from "./section.ts";
import { chosen, CONTACTS } from "./values.ts";

/** Characters left, or too many, that are worth to be heard at each change. */
const NEAR = 20;

export function DescriptionSection(props: SectionProps) {
  const { values, errors, set } = props;
  const {
    config,
    language: { t, count }
  } = useSite();
  const left = config.limits.description.max - [...values.description].length;
  return (
    <>
      {config.entry && <TextField {...bind(props, "subject")} label={config.entry} />}
      <TextField {...bind(props, "description")} label={t("description_label")} hint={t("description_hint")} rows={5} />
      <p class={left < 0 ? "counter error" : "counter"} role={left < NEAR ? "status" : undefined}>
        {count(left < 0 ? "error_description_long" : "characters_left", Math.abs(left))}
      </p>
      <Questions
        questions={chosen(config, values).questions}
        answers={values.answers}
        errors={errors}
        onChange={answers => set({ answers })}
      />
    </>
  );
}

export function ContactsSection(props: SectionProps) {
  const { values, errors, set } = props;
  const {
    config,
    host,
    language: { t }
  } = useSite();
  const [more, setMore] = useState(false);
  const required = config.contact === "required";
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
      <TextField
        {...bind(props, "email")}
        type="email"
        inputMode="email"
        autoComplete="email"
        optional={!required}
        label={t("email_label")}
        hint={t(required ? "email_hint_required" : "email_hint")}
      />
      {more || CONTACTS.some((name, index) => index && (values[name] || errors[name])) ? (
        <>
          <TextField {...bind(props, "name")} autoComplete="name" optional label={t("name_label")} />
          <TextField {...bind(props, "phone")} type="tel" autoComplete="tel" optional label={t("phone_label")} />
        </>
      ) : (
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
      <p class="hint">{t("contacts_private")}</p>
      {agreement("consent", config.consent)}
      {values.name.trim() && agreement("publish", config.consent.publish_name)}
    </>
  );
}
