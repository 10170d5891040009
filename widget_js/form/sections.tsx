/** The four questions of the form, in their order. */

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { T } from "../i18n.ts";
import { Check, Choice, TextField } from "../parts/field.tsx";
import { Icon } from "../parts/icon.tsx";
import { useSite } from "../parts/site.ts";
import { PlaceFields } from "./place.tsx";
import { Questions } from "./questions.tsx";
import { chosen, type SectionProps, type Values } from "./values.ts";

export function CategorySection({ values, errors, set }: SectionProps) {
  const { config, language: { t } } = useSite();
  const notice = chosen(config, values).notice;
  return <>
    <Choice id="category" label={t(T.category_label)} error={errors.category} value={values.category}
      options={config.categories.map(({ code, name }) => ({ key: code, name }))}
      onChange={category => set({ category: category as string })} />
    <div role="status">{notice && <p class="notice"><Icon name="info" /><span><Phones text={notice} /></span></p>}</div>
  </>;
}

/** A notice names numbers to call; on a phone each is one touch away. */
function Phones({ text }: { text: string }) {
  const parts = text.split(/((?:tel:)?\+?\d[\d\s()–-]{4,}\d|\b1\d\d\b)/);
  return <>{parts.map((part, index) => index % 2
    ? <a href={"tel:" + part.replace(/[^\d+]/g, "")}>{part.replace("tel:", "")}</a> : part)}</>;
}

export function DescriptionSection({ values, errors, set }: SectionProps) {
  const { config, language: { t, number } } = useSite();
  const { max } = config.limits.description;
  const left = max - [...values.description].length;
  return <>
    <TextField id="description" label={t(T.description_label)} hint={t(T.description_hint)} error={errors.description}
      value={values.description} rows={5} onChange={description => set({ description })} />
    <p class={left < 0 ? "counter error" : "counter"}>{left < 0 ? t(T.error_description_long, { n: number(-left) }) : t(T.characters_left, { n: number(left) })}</p>
    <Questions questions={chosen(config, values).questions || []} answers={values.answers} errors={errors}
      onChange={answers => set({ answers })} />
  </>;
}

export function PlaceSection(props: SectionProps) {
  return <PlaceFields {...props} />;
}

export function ContactsSection({ values, errors, set }: SectionProps) {
  const { config, options, language: { t } } = useSite();
  const [more, setMore] = useState(false);
  const open = more || !!(values.name || values.phone || errors.name || errors.phone);
  const required = config.contact === "required";
  const consentUrl = new URL(config.consent.url, options.service + "/").href;
  return <>
    <TextField id="email" type="email" inputMode="email" autoComplete="email" maxLength={254} optional={!required}
      label={t(T.email_label)} hint={t(required ? T.email_hint_required : T.email_hint)} error={errors.email}
      value={values.email} onChange={email => set({ email })} />
    {open ? <div class="pair">
      <TextField id="name" autoComplete="name" maxLength={100} optional label={t(T.name_label)} error={errors.name}
        value={values.name} onChange={name => set({ name })} />
      <TextField id="phone" type="tel" autoComplete="tel" maxLength={30} optional label={t(T.phone_label)} error={errors.phone}
        value={values.phone} onChange={phone => set({ phone })} />
    </div> : <p><button class="link" type="button" onClick={() => setMore(true)}>{t(T.more_contacts)}</button></p>}
    <p class="hint">{t(T.contacts_private)}</p>
    <Check id="consent" error={errors.consent} checked={values.consent} onChange={consent => set({ consent })}>
      {t(T.consent)}. <a href={consentUrl} target="_blank" rel="noopener" aria-label={`${t(T.consent_link)} (${t(T.new_window)})`}>{t(T.consent_link)}</a>
    </Check>
    {values.name.trim() && <Check id="publish" error={errors.publish} checked={values.publish} onChange={publish => set({ publish })}>
      {t(T.publish)}
    </Check>}
  </>;
}

/** Said before sending: who receives it, by when an answer is due, and that it is no appeal under 59-FZ. */
export function Destination({ values }: { values: Values }) {
  const { config, language: { t, date } } = useSite();
  const due = chosen(config, values).answer_due;
  const row = (term: string, text: ComponentChildren) => <div><dt>{term}</dt><dd>{text}</dd></div>;
  return <section class="panel" aria-label={t(T.before_title)}>
    <dl class="facts">
      {row(t(T.before_who), config.agency.name)}
      {due && row(t(T.before_when), t(T.before_by, { date: date(due) }))}
      {row(t(T.before_track), t(T.track))}
    </dl>
  </section>;
}
