/** What is wrong, and where the answer goes. */

import { useState } from "preact/hooks";
import { link } from "../host.ts";
import { T } from "../i18n.ts";
import { Check, TextField } from "../parts/field.tsx";
import { useSite } from "../parts/site.ts";
import { focusOn } from "../parts/hooks.ts";
import { Questions } from "./questions.tsx";
import { bind, chosen, type SectionProps } from "./values.ts";

export function DescriptionSection(props: SectionProps) {
  const { values, errors, set } = props;
  const { config, language: { t, number } } = useSite();
  const left = config.limits.description.max - [...values.description].length;
  return <>
    <TextField {...bind(props, "description")} label={t(T.description_label)} hint={t(T.description_hint)} rows={5} />
    <p class={left < 0 ? "counter error" : "counter"}>{t(left < 0 ? T.error_description_long : T.characters_left, { n: number(Math.abs(left)) })}</p>
    <Questions questions={chosen(config, values).questions} answers={values.answers} errors={errors}
      onChange={answers => set({ answers })} />
  </>;
}

export function ContactsSection(props: SectionProps) {
  const { values, errors, set } = props;
  const { config, host, language: { t } } = useSite();
  const [more, setMore] = useState(false);
  const required = config.contact === "required";
  return <>
    <TextField {...bind(props, "email")} type="email" inputMode="email" autoComplete="email" optional={!required}
      label={t(T.email_label)} hint={t(required ? T.email_hint_required : T.email_hint)} />
    {more || values.name || values.phone || errors.name || errors.phone ? <>
      <TextField {...bind(props, "name")} autoComplete="name" optional label={t(T.name_label)} />
      <TextField {...bind(props, "phone")} type="tel" autoComplete="tel" optional label={t(T.phone_label)} />
    </> : <p><button class="link" type="button" onClick={() => { setMore(true); focusOn(host, "name"); }}>{t(T.more_contacts)}</button></p>}
    <p class="hint">{t(T.contacts_private)}</p>
    <Check id="consent" error={errors.consent} checked={values.consent} onChange={consent => set({ consent })}>
      {t(T.consent)}. <a href={link(config.consent.url)} target="_blank" rel="noopener">{t(T.consent_link)}</a>
    </Check>
    {values.name.trim() && <Check id="publish" error={errors.publish} checked={values.publish} onChange={publish => set({ publish })}>
      {t(T.publish)}. <a href={link(config.consent.publish_name.url)} target="_blank" rel="noopener">{t(T.consent_link)}</a>
    </Check>}
  </>;
}
