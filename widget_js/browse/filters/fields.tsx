/** Category, period, order, and «рядом со мной». */

import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { begins, period, today, type Filters, type Period } from "../../shared/filters.ts";
import { isDated } from "../../shared/dated.ts";
import { FieldErrorText } from "../../shared/ui/field.tsx";
import { Icon } from "../../shared/ui/icon.tsx";
import { getPosition, locatable } from "../../shared/geolocation.ts";
import { show } from "../../shared/focus.ts";
import { useSite } from "../../shared/site.ts";
import { answer, answered, choices } from "./answers.ts";
import { around } from "./near.ts";
import { Words } from "../../shared/ui/words.tsx";

interface Props {
  filters: Filters;
  /** The square around the visitor, once they have asked for it. */
  here: string;
  setHere: (bbox: string) => void;
  put: (more: Filters) => void;
}

export function Fields({ filters, here, setHere, put }: Props) {
  const {
    config,
    entries,
    session,
    visible,
    language: { t }
  } = useSite();
  const [own, setOwn] = useState(false);
  const [message, setMessage] = useState("");
  // Two days in the wrong order are no question: they stay here until one of them is put right.
  const [wrong, setWrong] = useState<Filters | null>(null);
  const days = wrong || filters;
  useLayoutEffect(() => setWrong(null), [filters.since, filters.until]);
  const note = useRef<HTMLParagraphElement>(null);
  // On a phone the fields fill the screen: what is said below them comes into view.
  useLayoutEffect(() => {
    if (message) show(note.current!);
  }, [message]);
  // A place that came after the dialog was closed is dropped.
  useLayoutEffect(() => setMessage(""), [visible]);
  const now = today(config.time_zone);
  const span = period(filters, now);
  const dated = entries && isDated(entries.fields);
  const action = entries ? entries.action : "support";
  const near = !!here && filters.bbox === here;
  const locate = () => {
    if (near) return put({ bbox: "" });
    setMessage(t("near_locating"));
    getPosition(session.closed(), { maximumAge: 60_000 }).then(
      ({ coords }) => {
        const bbox = around(coords.latitude, coords.longitude);
        setMessage("");
        setHere(bbox);
        put({ bbox });
      },
      () => setMessage(t("near_failed"))
    );
  };
  const pick = (value: string) => {
    setOwn(value === "own");
    setWrong(null);
    if (value !== "own") put({ since: value && begins(value as Period, now), until: "" });
  };
  const select = (
    id: string,
    label: string,
    value: string,
    change: (value: string) => void,
    options: [string, string][]
  ) => (
    <div>
      <label class="label muted" for={id}>
        {label}
      </label>
      <select id={id} value={value} onChange={event => change(event.currentTarget.value)}>
        {options.map(([key, name]) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
  const setDays = (change: Filters) => {
    const { since, until } = { ...days, ...change };
    const reversed = !!since && !!until && since > until;
    setWrong(reversed ? { since, until } : null);
    if (!reversed) put({ since, until });
  };
  const day = (id: "since" | "until", label: string) => (
    <div>
      <label class="label muted" for={id}>
        {label}
      </label>
      <input
        id={id}
        type="date"
        value={days[id] || ""}
        max={now}
        aria-invalid={wrong ? "true" : undefined}
        aria-describedby={wrong ? "days-error" : undefined}
        onChange={event => setDays({ [id]: event.currentTarget.value })}
      />
    </div>
  );
  return (
    <>
      <div class="bar-fields">
        {select("of-category", t("category"), filters.category || "", category => put({ category }), [
          ["", t("category_all")],
          ...config.categories.map(({ code, name }): [string, string] => [code, name])
        ])}
        {dated &&
          select(
            "of-days",
            t("when"),
            answered(filters.answers, "past"),
            key => put({ answers: answer(filters.answers, "past", key) }),
            [
              ["", t("to_come")],
              ["true", t("past")]
            ]
          )}
        {entries &&
          choices(entries.fields).map(({ code, description, values }) =>
            select(
              "of-answers-" + code,
              description,
              answered(filters.answers, code),
              key => put({ answers: answer(filters.answers, code, key) }),
              [["", t("answers_all")], ...values.map(({ key, name }): [string, string] => [key, name])]
            )
          )}
        {config.districts &&
          select("of-district", t("district"), filters.district || "", district => put({ district }), [
            ["", t("district_all")],
            ...config.districts.map(({ id, name }): [string, string] => [id, name])
          ])}
        {select("period", t("period"), own ? "own" : span, pick, [
          ["", t("period_all")],
          ["week", t("period_week")],
          ["month", t("period_month")],
          ["year", t("period_year")],
          ["own", t("period_own")]
        ])}
        {(own || span === "own") && (
          <>
            {day("since", t("since"))}
            {day("until", t("until"))}
          </>
        )}
        <div role="alert" class="days">
          {wrong && <FieldErrorText id="days" error={t("error_days")} />}
        </div>
        {select("sort", t("sort"), filters.sort || "", sort => put({ sort }), [
          ["", t(dated ? "sort_days" : "sort_new")],
          ["updated", t("sort_updated")],
          ...(/support|vote|join/.test(action)
            ? [["support", t(action === "join" ? "sort_join" : "sort_support")] as [string, string]]
            : []),
          ...(!entries ? [["due", t("sort_due")] as [string, string]] : [])
        ])}
      </div>
      {locatable() && (
        <p class="actions">
          <button type="button" class={near ? "pill on" : "pill"} aria-pressed={near} onClick={locate}>
            <span class="chip">
              <Icon name="place" />
              {t("near")}
            </span>
          </button>
        </p>
      )}
      <p class="note" role="status" ref={note}>
        <Words>{message}</Words>
      </p>
    </>
  );
}
