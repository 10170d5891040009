/** The report form: one question a step on a phone, one column on a desk; nothing typed is ever lost. */

import type { ComponentType } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Place } from "../shared/contract.ts";
import { DIV } from "../loader/host.ts";
import { emit } from "../shared/emit.ts";
import { focusOn, show } from "../shared/focus.ts";
import { useAnswer, useFocus } from "./hooks.ts";
import { Failed } from "../shared/ui/failure.tsx";
import { Icon } from "../shared/ui/icon.tsx";
import { useLazy } from "../shared/lazy.ts";
import { Refusal } from "../shared/ui/refusal.tsx";
import { useSite } from "../shared/site.ts";
import { useWidth } from "../shared/width.ts";
import { randomKey } from "../shared/key.ts";
import { CategorySection } from "./category.tsx";
import { Drafts } from "./draft.ts";
import { PhotosSection } from "./photosSection.tsx";
import { PlaceSection } from "./place.tsx";
import { Received } from "./received.tsx";
import { Destination, Review } from "./review.tsx";
import { ContactsSection, DescriptionSection } from "./sections.tsx";
import { useSending } from "./sending.ts";
import { ErrorSummary, Waiting } from "./states.tsx";
import { fromService, stepOf, validate, type FieldError } from "./validate.ts";
import type { SectionProps } from "./section.ts";
import { contacts, coordinates, empty, type Draft, type Values } from "./values.ts";
import { Words } from "../shared/ui/words.tsx";

/** In the order of their steps (validate.ts). Photos come before the place, which may be read from one of them. */
const SECTIONS: [Parameters<ReturnType<typeof useSite>["language"]["t"]>[0], ComponentType<SectionProps>][] = [
  ["category_title", CategorySection],
  ["description_title", DescriptionSection],
  ["photos_title", PhotosSection],
  ["place_title", PlaceSection],
  ["contacts_title", ContactsSection],
  ["review_title", Review]
];
/** Below this width, in pixels of its own, the form asks one question a step. */
const NARROW = 600;
/** The last step of a phone: everything again. */
const REVIEW = 5;

export function Form() {
  const site = useSite();
  const { tickets, config, options, host, language, visible, setStepBack } = site;
  const { t } = language;
  const [drafts] = useState(() => new Drafts("igrajdanin:" + options.key));
  const blank = (contacts: Partial<Values> = {}): Draft => {
    // What the page knows, such as the place of a playground, stands beforehand; a kept draft comes first.
    const { lat, lng, address = "", description = "" } = (host.closest<HTMLElement>(DIV) || host).dataset;
    const place = lat && lng ? `${lat}, ${lng}` : "";
    const values = { ...empty, description, address, coordinates: place, ...contacts, category: options.category };
    return { id: randomKey(), step: options.category ? 1 : 0, values };
  };
  const [kept, setKept] = useState(() => {
    const draft = drafts.load();
    // Where one was, unless something before is missing: topics and questions may have changed. Consent always is.
    return (
      draft && {
        ...draft,
        step: Math.min(draft.step || 0, stepOf(validate(config, draft.values, language)[0]!.control))
      }
    );
  });
  const [draft, setDraft] = useState(() => kept || blank());
  const latest = useRef(draft);
  /** Whoever mends something goes back to the review. */
  const [reviewed, setReviewed] = useState(false);
  const [errors, setErrors] = useState<FieldError[]>([]);
  /** The errors came late, and the person is busy elsewhere: announced instead of focused. */
  const [late, setLate] = useState(false);
  const [tried, setTried] = useState(0);
  const box = useRef<HTMLDivElement>(null);
  const narrow = (useWidth(box) || innerWidth) < NARROW;
  /** Grows with each step, and when the form comes anew: the heading takes the focus of what has gone. */
  const [turn, setTurn] = useState(0);
  const heading = useFocus<HTMLHeadingElement>(turn);
  // After the heading's: a summary that comes with another step is more important.
  const summary = useFocus<HTMLDivElement>(tried);
  /** The section one is in: the only one on a phone, and the one to go on with when a desk becomes one. */
  const { values, step } = draft;
  const { sending, refused, there, send, edit } = useSending(drafts, latest, keep, error =>
    fail(fromService(error.body, language), !there())
  );
  const { state } = sending;
  const place = coordinates(values.coordinates);
  const area = useAnswer<Place>(place && `/place?lat=${place.lat}&lng=${place.lng}&lang=` + language.lang);
  const busy = state === "sending";
  const done = useLazy<typeof import("./done/entry.ts")>("done");
  // Beside the report: what follows it is there when it has arrived.
  useLayoutEffect(() => {
    if (busy) void done.load();
  }, [busy]);
  useLayoutEffect(() => {
    emit(host, "step", { step: step + 1, of: REVIEW + 1 });
  }, [step]);
  // Other sections have come above the field in hand, or gone.
  useLayoutEffect(() => {
    const field = box.current!.querySelector(":focus");
    if (field) show(field);
  }, [narrow]);
  // What is typed is written down when it ends: with the step, the dialog, the page or the widget.
  useLayoutEffect(() => drafts.write, [step, visible]);
  useLayoutEffect(() => {
    document.addEventListener("visibilitychange", drafts.write);
    return () => {
      document.removeEventListener("visibilitychange", drafts.write);
      if (drafts.photos) drafts.photos.stop();
    };
  }, []);

  function change(next: Draft) {
    latest.current = next;
    setDraft(next);
  }
  function keep(next: Draft) {
    change(next);
    drafts.save(next);
  }
  function at(to: number) {
    if (to !== latest.current.step) change({ ...latest.current, step: to });
  }
  function go(to: number) {
    keep({ ...latest.current, step: to });
    setTurn(turn + 1);
  }
  function set(changed: Partial<Values>) {
    keep({ ...latest.current, values: { ...latest.current.values, ...changed } });
    setErrors(before =>
      before.filter(
        ({ control }) => !(control.split(".")[0]! in changed) && !(control === "address" && "coordinates" in changed)
      )
    );
  }
  function fail(found: FieldError[], late = false) {
    setErrors(found);
    setLate(late);
    if (late) return;
    if (found[0]) at(stepOf(found[0].control));
    setTried(before => before + 1);
  }
  function erase(contacts?: Partial<Values>) {
    edit();
    drafts.erase();
    change(blank(contacts));
    setKept(undefined);
    setErrors([]);
    setReviewed(false);
    setTurn(turn + 1);
  }
  function submit(event: Event) {
    event.preventDefault();
    if (busy) return;
    const found = validate(config, values, language);
    const here = last ? found : found.filter(({ control }) => stepOf(control) === step);
    if (here.length) return fail(here);
    setErrors([]);
    if (last) return send();
    go(reviewed ? REVIEW : step + 1);
    if (step + 1 === REVIEW) setReviewed(true);
  }
  function visit(control: string) {
    at(stepOf(control));
    focusOn(host, control);
  }

  const held = state === "waiting" ? sending : busy ? sending.from : undefined;
  const last = !narrow || step === REVIEW;
  const { photos } = drafts;
  const eraser = (
    <button class="link" type="button" onClick={() => erase()}>
      {t("draft_erase")}
    </button>
  );
  const props = {
    values,
    errors: Object.fromEntries(errors.map(({ control, text }) => [control, text])),
    set,
    drafts,
    visit,
    place,
    area
  };

  /** To the step before this one, where one is shown at a time. */
  let inner: (() => void) | undefined;
  let content;
  if (refused) content = <Refusal error={refused} agency={config.agency} {...site} />;
  else if (state === "received") {
    const again = () => {
      erase(contacts(values, text => text));
      void tickets.prepare();
    };
    content = (
      <Received
        receipt={sending.receipt}
        values={values}
        earlier={!!sending.earlier}
        again={again}
        done={done}
        there={there}
      />
    );
  } else if (held) {
    content = (
      <Waiting
        outcome={held}
        there={there}
        busy={busy}
        since={draft.since}
        send={send}
        edit={() => {
          edit();
          setTurn(turn + 1);
        }}
        cancel={() => erase()}
      />
    );
  } else {
    if (narrow && step > 0) inner = () => go(step - 1);
    content = (
      <form noValidate onSubmit={submit} aria-busy={busy}>
        {config.test && <p class="panel">{config.test}</p>}
        {kept && (
          <p class="notice" role="status">
            <Icon name="info" />
            <span>
              {t(kept.sent ? "draft_unsent" : "draft_kept")} {eraser}
            </span>
          </p>
        )}
        {narrow && (
          <label class="progress">
            <Words>{t("step", { n: step + 1, of: REVIEW + 1 })}</Words>
            <progress value={step + 1} max={REVIEW + 1} />
          </label>
        )}
        {errors.length > 0 && <ErrorSummary errors={errors} alert={late} visit={visit} box={summary} />}
        {SECTIONS.map(
          ([title, Section], index) =>
            (narrow ? index === step : index < REVIEW) && (
              <section class="section" key={index} data-step={index}>
                <h3 tabIndex={-1} ref={narrow || !index ? heading : null}>
                  {t(title)}
                </h3>
                <Section {...props} />
              </section>
            )
        )}
        {last && <Destination {...props} />}
        {busy && photos && <photos.Waiting />}
        {/* Beside the button, where the person looks: on a desk the top of the form is far. */}
        {(state === "refused" || state === "conflict") && (
          <Failed text={state === "conflict" ? t("conflict_text") : sending.error.body.detail || t("refused")} />
        )}
        <div class="actions end">
          {inner && (
            <button class="button quiet" type="button" onClick={inner}>
              {t("back")}
            </button>
          )}
          <button class="button" aria-disabled={busy || undefined}>
            <Words>{busy ? t("sending") : last ? config.submit : t("next")}</Words>
          </button>
        </div>
        {(values.description || values.address) && (
          <p class="hint">
            {t("draft_note")} {eraser}
          </p>
        )}
      </form>
    );
  }
  useLayoutEffect(() => setStepBack("report", inner), [step, !inner]);
  return (
    <div
      ref={box}
      // Where all are shown, the step follows the focus: turned, a phone shows the one whose field was in hand.
      onFocusIn={({ target }) => {
        const section = (target as Element).closest<HTMLElement>("[data-step]");
        if (section) at(+section.dataset.step!);
      }}>
      {content}
    </div>
  );
}
