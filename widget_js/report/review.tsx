/** Before sending: what was said, with a way back to each part, and where it goes. */

import { link } from "../shared/links.ts";
import { useSite } from "../shared/site.ts";
import { Notice } from "./category.tsx";
import type { SectionProps } from "./section.ts";
import { chosen, CONTACTS, hiddenContacts } from "./values.ts";

export function Review({ values, visit }: SectionProps) {
  const site = useSite();
  const {
    config,
    language: { t }
  } = site;
  const contacts = CONTACTS.filter(name => !hiddenContacts(site).includes(name));
  const { name, questions } = chosen(config, values);
  const together = (...parts: unknown[]) => parts.filter(Boolean).join(", ");
  const rows: [title: string, text: unknown, control: string][] = [
    [t("category_title"), name, "category"],
    [t("description_label"), together(values.subject, values.description), "description"],
    ...questions.map(({ code, description, values: options }): [string, string, string] => [
      description,
      together(
        ...[values.answers[code]].flat().map(key => (options.find(option => option.key === key) || { name: key }).name)
      ),
      "answers." + code
    ]),
    [t("review_photos"), values.photos.length, "photos"],
    [t("address_label"), together(values.address, values.coordinates), "address"]
  ];
  if (contacts[0]) rows.push([t("contacts_title"), together(...contacts.map(name => values[name])), contacts[0]]);
  return (
    <>
      <dl class="facts">
        {rows.map(([title, text, control]) => (
          <div key={control}>
            <dt>{title}</dt>
            <dd class="text">
              {text || "—"}{" "}
              <button class="link" type="button" aria-label={t("edit") + ": " + title} onClick={() => visit(control)}>
                {t("edit")}
              </button>
            </dd>
          </div>
        ))}
      </dl>
      <Notice values={values} />
    </>
  );
}

/** Said before sending: who receives it, by when an answer is due, and that it is no appeal under 59-FZ. */
export function Destination({ values, area }: SectionProps) {
  const {
    config,
    language: { t }
  } = useSite();
  return (
    <section class="panel" aria-label={t("before_title")}>
      <p>{(area && area.track) || chosen(config, values).track || config.track.text}</p>
      {config.appeals_url && (
        <p>
          <a href={link(config.appeals_url)} target="_blank" rel="noopener">
            {t("appeal")}
          </a>
        </p>
      )}
    </section>
  );
}
