/** Before sending: what was said, with a way back to each part, and where it goes. */

import { link } from "../host.ts";
import { T } from "../i18n.ts";
import { useSite } from "../parts/site.ts";
import { Notice } from "./category.tsx";
import { chosen, type Values } from "./values.ts";

export function Review({ values, visit }: { values: Values; visit: (control: string) => void }) {
  const { config, language: { t } } = useSite();
  const { name, questions } = chosen(config, values);
  const together = (...parts: unknown[]) => parts.filter(Boolean).join(", ");
  const rows: [title: string, text: unknown, control: string][] = [
    [t(T.category_title), name, "category"],
    [t(T.description_label), values.description, "description"],
    ...questions.map(({ code, description, values: options }): [string, string, string] => [description,
      together(...[values.answers[code]].flat().map(key => (options.find(option => option.key === key) || { name: key }).name)),
      "answers." + code]),
    [t(T.address_label), together(values.address, values.coordinates), "address"],
    [t(T.review_photos), values.photos.length, "photos"],
    [t(T.contacts_title), together(values.email, values.name, values.phone), "email"],
  ];
  return <><dl class="facts">{rows.map(([title, text, control]) => <div key={control}>
    <dt>{title}</dt>
    <dd class="text">{text || "—"} <button class="link" type="button" aria-label={t(T.edit) + ": " + title} onClick={() => visit(control)}>{t(T.edit)}</button></dd>
  </div>)}</dl><Notice values={values} /></>;
}

/** Said before sending: who receives it, by when an answer is due, and that it is no appeal under 59-FZ. */
export function Destination({ values }: { values: Values }) {
  const { config, language: { t } } = useSite();
  return <section class="panel" aria-label={t(T.before_title)}>
    <p>{chosen(config, values).track || config.track.text}</p>
    {config.appeals_url && <p><a href={link(config.appeals_url)} target="_blank" rel="noopener">{t(T.appeal)}</a></p>}
  </section>;
}
