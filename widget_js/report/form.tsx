/** The report form: one question a step on a phone, one column on a desk; nothing typed is ever lost. */

import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { emit } from "../loader/host.ts";
import { focusOn, show } from "../shared/focus.ts";
import { useFocus, useNarrow } from "./hooks.ts";
import { Icon } from "../shared/ui/icon.tsx";
import { useLazy } from "../shared/lazy.ts";
import { Refusal } from "../shared/ui/refusal.tsx";
import { useSite } from "../shared/site.ts";
import { randomKey } from "../shared/storage.ts";
import { CategorySection } from "./category.tsx";
import { Drafts } from "./draft.ts";
import type { Draft } from "./values.ts";
import { PhotosSection } from "./photosSection.tsx";
import { PlaceFields } from "./place.tsx";
import { Received } from "./received.tsx";
import { Destination, Review } from "./review.tsx";
import { ContactsSection, DescriptionSection } from "./sections.tsx";
import { useSending } from "./sending.ts";
import { Similar } from "./similar.tsx";
import { ErrorSummary, Waiting } from "./states.tsx";
import { fromService, stepOf, validate, type FieldError } from "./validate.ts";
import type { SectionProps } from "./section.ts";
import { empty, type Values } from "./values.ts";
import { Words } from "../shared/ui/words.tsx";

const PlaceSection = (props: SectionProps) => (
  <>
    <PlaceFields {...props} />
    <Similar values={props.values} />
  </>
);
const SECTIONS = [CategorySection, DescriptionSection, PlaceSection, PhotosSection, ContactsSection];
const TITLES = [
  "category_title",
  "description_title",
  "place_title",
  "photos_title",
  "contacts_title",
  "review_title"
] as const;
/** The last step of a phone: everything again. */
const REVIEW = SECTIONS.length;

export function Form() {
  const { tickets, config, options, host, language } = useSite();
  const { t } = language;
  const drafts = useMemo(() => new Drafts("igrajdanin:" + options.key), [options.key]);
  const blank = (contacts: Partial<Values> = {}): Draft => ({
    id: randomKey(),
    values: { ...empty, ...contacts, category: options.category }
  });
  const [kept, setKept] = useState(() => drafts.load());
  const [draft, setDraft] = useState(() => kept || blank());
  const latest = useRef(draft);
  /** The section one is in: the only one on a phone, and the one to go on with when a desk becomes one. */
  const [step, setStep] = useState(options.category ? 1 : 0);
  /** Whoever mends something goes back to the review. */
  const [reviewed, setReviewed] = useState(false);
  const [errors, setErrors] = useState<FieldError[]>([]);
  const [tried, setTried] = useState(0);
  const box = useRef<HTMLDivElement>(null);
  const narrow = useNarrow(box);
  /** Grows with each step, and when the form comes anew: the heading takes the focus of what has gone. */
  const [turn, setTurn] = useState(0);
  const heading = useFocus<HTMLHeadingElement>(turn);
  // After the heading's: a summary that comes with another step is more important.
  const summary = useFocus<HTMLDivElement>(tried);
  const { values } = draft;
  const byControl = Object.fromEntries(errors.map(({ control, text }) => [control, text]));
  const { sending, refused, send, edit } = useSending(drafts, latest, keep, error =>
    fail(fromService(error.body, language))
  );
  const { state } = sending;
  const busy = state === "sending";
  const done = useLazy<typeof import("./done/entry.ts")>("done");
  // Beside the report: what follows it is there when it has arrived.
  useLayoutEffect(() => {
    if (busy) void done.load();
  }, [busy]);

  useLayoutEffect(() => {
    emit(host, "step", { step: step + 1, of: REVIEW + 1 });
  }, [step]);

  // Where all sections are shown, the step follows the focus: turned, a phone shows the one whose field was in hand.
  const followFocus = (event: FocusEvent) => {
    const section = (event.target as Element).closest("[data-step]");
    if (section) setStep(+section.getAttribute("data-step")!);
  };
  // Other sections have come above the field in hand, or gone.
  useLayoutEffect(() => {
    const field = box.current!.querySelector(":focus");
    if (field) show(field);
  }, [narrow]);

  useLayoutEffect(
    () => () => {
      if (drafts.photos) drafts.photos.stop();
    },
    [drafts]
  );

  function go(to: number) {
    setStep(to);
    setTurn(before => before + 1);
  }
  function keep(next: Draft) {
    latest.current = next;
    setDraft(next);
    drafts.save(next);
  }
  function set(change: Partial<Values>) {
    keep({ ...latest.current, values: { ...latest.current.values, ...change } });
    const names = Object.keys(change);
    setErrors(before =>
      before.filter(
        ({ control }) =>
          !names.includes(control.split(".")[0]!) && !(control === "address" && names.includes("coordinates"))
      )
    );
  }
  function fail(found: FieldError[]) {
    setErrors(found);
    if (found[0]) setStep(stepOf(found[0].control));
    setTried(before => before + 1);
  }
  function erase(contacts?: Partial<Values>) {
    edit();
    drafts.erase();
    latest.current = blank(contacts);
    setDraft(latest.current);
    setKept(undefined);
    setErrors([]);
    setReviewed(false);
    go(0);
  }
  function submit(event: Event) {
    event.preventDefault();
    if (busy) return;
    const found = validate(config, values, language);
    const on = narrow && step < REVIEW;
    const here = on ? found.filter(({ control }) => stepOf(control) === step) : found;
    if (here.length) return fail(here);
    setErrors([]);
    if (!on) return send();
    go(reviewed ? REVIEW : step + 1);
    if (step + 1 === REVIEW) setReviewed(true);
  }
  function visit(control: string) {
    setStep(stepOf(control));
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

  let content;
  if (refused) content = <Refusal error={refused} host={host} options={options} language={language} />;
  else if (state === "received") {
    const again = () => {
      const { email, name, phone } = values;
      erase({ email, name, phone });
      void tickets.prepare();
    };
    content = (
      <Received receipt={sending.receipt} values={values} earlier={!!sending.earlier} again={again} done={done} />
    );
  } else if (held) {
    content = (
      <Waiting
        outcome={held}
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
  } else
    content = (
      <form noValidate onSubmit={submit} aria-busy={busy}>
        {kept && (
          <p class="notice" role="status">
            <Icon name="info" />
            <span>
              {t(draft.sent ? "draft_unsent" : "draft_kept")} {eraser}
            </span>
          </p>
        )}
        {narrow && (
          <label class="progress">
            <Words>{t("step", { n: step + 1, of: REVIEW + 1 })}</Words>
            <progress value={step + 1} max={REVIEW + 1} />
          </label>
        )}
        {errors.length > 0 && <ErrorSummary errors={errors} visit={visit} box={summary} />}
        {TITLES.map((title, index) => {
          const Section = SECTIONS[index];
          return (
            (narrow ? index === step : Section) && (
              <section class="section" key={index} data-step={index}>
                <h3 tabIndex={-1} ref={narrow || !index ? heading : null}>
                  {t(title)}
                </h3>
                {Section ? (
                  <Section values={values} errors={byControl} set={set} drafts={drafts} />
                ) : (
                  <Review values={values} visit={visit} />
                )}
              </section>
            )
          );
        })}
        {last && <Destination values={values} />}
        {busy && photos && <photos.Waiting />}
        {/* Beside the button, where the person looks: on a desk the top of the form is far. */}
        {(state === "refused" || state === "conflict") && (
          <p class="notice bad" role="alert">
            <Icon name="alert" />
            <Words>{state === "conflict" ? t("conflict_text") : sending.error.body.detail || t("refused")}</Words>
          </p>
        )}
        <div class="actions end">
          {narrow && step > 0 && (
            <button class="button quiet" type="button" onClick={() => go(step - 1)}>
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
  return (
    <div ref={box} onFocusIn={followFocus}>
      {content}
    </div>
  );
}
