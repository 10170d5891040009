/** Before sending: what was said, with a way back to each part, and where it goes. Contacts are asked for below it. */

import { link } from "../shared/links.ts";
import { useLazy, type Lazy } from "../shared/lazy.ts";
import { useSite } from "../shared/site.ts";
import { Notice } from "./category.tsx";
import type { PickerChunk } from "./place.tsx";
import type { SectionProps } from "./section.ts";
import { chosen } from "./values.ts";

export function Review(props: SectionProps) {
  const { values, visit, place, report, photosChunk, laterChunk } = props;
  const { chunk: photos } = photosChunk as Lazy<typeof import("./photos/entry.ts")>;
  const { chunk: later } = laterChunk as Lazy<typeof import("./later.ts")>;
  // Beside the review, which is there before the map is, and keeps its room: what is read below stays where it is.
  const { chunk: map, failed } = useLazy<PickerChunk>("map", !!place);
  const {
    config,
    language: { t }
  } = useSite();
  const { name, questions } = chosen(config, values);
  const together = (...parts: unknown[]) => parts.filter(Boolean).join(", ");
  const rows: [title: string, text: unknown, control: string, picture?: unknown][] = [
    [t("category_title"), name, "category"],
    [t("description_label"), together(values.subject, values.description), "description"],
    ...questions.map(({ code, description, values: options }): [string, string, string] => [
      description,
      together(
        ...[values.answers[code]].flat().map(key => (options.find(option => option.key === key) || { name: key }).name)
      ),
      "answers." + code
    ]),
    [
      t("review_photos"),
      values.photos.length,
      "photos",
      photos && report.photos && <photos.Thumbs photos={report.photos as never} />
    ],
    [
      t("address_label"),
      values.address || (place && t("placed")),
      "address",
      place
        ? !failed && <div class="around">{map && <map.PlaceMap place={place} address={values.address || null} />}</div>
        : later && <later.Meant {...props} />
    ]
  ];
  return (
    <>
      <dl class="facts">
        {rows.map(([title, text, control, picture]) => (
          <div key={control}>
            <dt>
              {title}
              <button class="link" type="button" aria-label={t("edit") + ": " + title} onClick={() => visit(control)}>
                {t("edit")}
              </button>
            </dt>
            <dd class="text">
              {text || "—"}
              {picture}
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
