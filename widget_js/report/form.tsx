/** The report form, or what has become of the report: renders the report session. */

import type { ComponentType } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Place } from "../shared/contract.ts";
import { emit } from "../loader/host.ts";
import { focusOn, show } from "../shared/focus.ts";
import { useLazy } from "../shared/lazy.ts";
import { useSite } from "../shared/site.ts";
import { useStore } from "../shared/store.ts";
import { Failed } from "../shared/ui/failure.tsx";
import { Refusal } from "../shared/ui/refusal.tsx";
import { Skeleton } from "../shared/ui/skeleton.tsx";
import { Words } from "../shared/ui/words.tsx";
import { useWidth } from "../shared/width.ts";
import { CategorySection, Notice } from "./category.tsx";
import { Eraser } from "./eraser.tsx";
import { useAnswer, useFocus, useFocusKept } from "./hooks.ts";
import { PhotosSection } from "./photosSection.tsx";
import { PlaceSection } from "./place.tsx";
import { Received } from "./received.tsx";
import { Destination, Review } from "./review.tsx";
import type { SectionProps } from "./section.ts";
import { ContactsSection, DescriptionSection } from "./sections.tsx";
import { reportSession } from "./session.ts";
import { ErrorSummary, Waiting } from "./states.tsx";
import { REVIEW, stepOf } from "./validate.ts";
import { askedContacts, chosen, coordinates } from "./values.ts";

type Title = Parameters<ReturnType<typeof useSite>["language"]["t"]>[0];
/**
 * By their steps (validate.ts). Photos come before the place, which may be read from one of them; the review, which
 * only a phone needs, before the contacts, whose consent is given next to the button that sends.
 */
const SECTIONS: [step: number, title: Title, Section: ComponentType<SectionProps>][] = [
  [0, "category_title", CategorySection],
  [1, "description_title", DescriptionSection],
  [1, "photos_title", PhotosSection],
  [2, "place_title", PlaceSection],
  [REVIEW, "review_title", Review],
  [REVIEW, "contacts_title", ContactsSection]
];
/** Below this width, in pixels of its own, the form asks one question a step. */
const NARROW = 600;

/** `active`: it is what the widget shows now. */
export function Form({ active }: { active: boolean }) {
  const site = useSite();
  const { config, host, language, visible, setStepBack } = site;
  const { t } = language;
  const report = useStore(reportSession(site));
  const { draft, errors, isBusy, sending } = report;
  const { values } = draft;
  /** A draft may be of a version with more steps. */
  const step = Math.min(draft.step, REVIEW);
  const box = useRef<HTMLDivElement>(null);
  const narrow = (useWidth(box) || innerWidth) < NARROW;
  const isLast = !narrow || step === REVIEW;
  const asksContacts = askedContacts(site)[0];
  const asks = asksContacts || config.consent.required !== "contacts";
  const sections = SECTIONS.filter(
    ([of, , Section]) => (narrow ? of === step : Section !== Review) && (asks || Section !== ContactsSection)
  );
  const heading = useFocus<HTMLHeadingElement>(report.moves);
  // After the heading's: a summary that comes with another step is more important.
  const summary = useFocus<HTMLDivElement>(report.failures);
  // A single error is read with its own control.
  useLayoutEffect(() => {
    if (!errors[0] || report.isSummarised) return;
    const { control } = errors[0];
    focusOn(host, control);
    // A group of choices is longer than a phone's screen.
    setTimeout(() => {
      const text = host.shadowRoot!.getElementById(control + "-error");
      if (text) show(text);
      // The service names what this form does not show.
      else report.fail(errors, false, true);
    });
  }, [report.failures]);
  report.isFocusKept = useFocusKept(isBusy);
  const photos = useLazy<typeof import("./photos/entry.ts")>("photos", values.photos.length > 0);
  const attach = (chunk = photos.chunk) => chunk && report.attachPhotos(chunk.createPhotos);
  report.loadPhotos = () => photos.load().then(attach);
  useLayoutEffect(() => void attach(), [report, photos.chunk]);
  const place = coordinates(values.coordinates);
  const area = useAnswer<Place>(place && `/place?lat=${place.lat}&lng=${place.lng}&lang=` + language.lang);
  // A text may hold personal data, addresses come with the step of the place, and near one there may be similar
  // problems. Beside the report: what follows it is there when it has arrived.
  const later = useLazy<typeof import("./later.ts")>(
    "later",
    isBusy ||
      step > 1 ||
      !!(place || values.description) ||
      config.categories.some(category => category.questions.length)
  );
  useLayoutEffect(() => {
    if (visible) report.open();
  }, [report, visible]);
  const unsent = useLazy<typeof import("./mine/entry.ts")>("mine");
  useLayoutEffect(() => {
    if (report.isSearching) void unsent.load().then(chunk => report.attachUnsent(chunk && chunk.createUnsent));
  }, [report, report.isSearching]);
  // Other sections have come above the field in hand, or gone.
  useLayoutEffect(() => {
    const field = box.current!.querySelector(":focus");
    if (field) show(field);
  }, [narrow]);

  const visit = (control: string) => {
    report.enter(stepOf(control));
    focusOn(host, control);
  };
  const props: SectionProps = {
    report,
    photosChunk: photos,
    laterChunk: later,
    values,
    errors: Object.fromEntries(errors.map(({ control, text }) => [control, t(...text)])),
    set: report.set,
    goOn: narrow
      ? () => {
          if (report.draft.step) return;
          report.proceed(false);
          // To be written in at once, where no notice is to be read first.
          if (!chosen(config, report.draft.values).notice) focusOn(host, "subject", "description");
        }
      : undefined,
    visit,
    place,
    area
  };
  const waiting = sending.state === "waiting" ? sending : sending.state === "sending" ? sending.from : undefined;
  /** To the step before this one, where one is shown at a time. */
  let stepBack: (() => void) | undefined;
  let content;
  let isForm = false;
  if (report.refused) content = <Refusal error={report.refused} agency={config.agency} {...site} />;
  else if (report.isSearching) content = <Skeleton text={t("loading")} />;
  else if (sending.state === "received") content = <Received report={report} outcome={sending} later={later} />;
  else if (report.joined && later.chunk) content = <later.chunk.Joined report={report} />;
  else if (waiting) content = <Waiting report={report} error={waiting.error} />;
  else {
    isForm = true;
    if (narrow && step > 0) stepBack = () => report.go(step - 1);
    content = (
      <form
        noValidate
        aria-busy={isBusy}
        onSubmit={event => {
          event.preventDefault();
          report.proceed(isLast);
        }}>
        {config.test && <p class="panel">{config.test}</p>}
        {unsent.chunk && report.unsent && <unsent.chunk.Notice report={report} />}
        {narrow && (
          <label class="progress">
            <Words>{t("step", { n: step + 1, of: REVIEW + 1 })}</Words>
            <progress value={step + 1} max={REVIEW + 1} />
          </label>
        )}
        {errors.length > 0 && report.isSummarised && (
          <ErrorSummary errors={errors} alert={report.isAnnounced} visit={visit} box={summary} />
        )}
        {sections.map(([of, title, Section], index) => (
          <section class="section" key={title} data-step={of}>
            <h3 tabIndex={-1} ref={index ? null : heading}>
              {t(title === "contacts_title" && !asksContacts ? "consent_title" : title)}
            </h3>
            {/* The press that has chosen the category has led past what it says. */}
            {narrow && Section === DescriptionSection && <Notice values={values} />}
            <Section {...props} />
          </section>
        ))}
        {isLast && <Destination {...props} />}
        {isBusy && photos.chunk && report.photos && <photos.chunk.Waiting photos={report.photos} />}
        {/* Beside the button, where the person looks: on a desk the top of the form is far. */}
        {(sending.state === "refused" || sending.state === "conflict") && (
          <Failed
            text={
              !later.chunk
                ? t("unavailable_server")
                : sending.state === "conflict"
                  ? t("conflict_text")
                  : sending.error.body.detail || t("refused")
            }
          />
        )}
        <div class="actions end">
          {stepBack && (
            <button class="button quiet" type="button" onClick={stepBack}>
              {t("back")}
            </button>
          )}
          <button class="button" aria-disabled={isBusy || undefined}>
            <Words>{isBusy ? t("sending") : isLast ? config.submit : t("next")}</Words>
          </button>
        </div>
        {(values.description || values.address) && (
          <p class="hint">
            {t("draft_note")} <Eraser report={report} />
          </p>
        )}
      </form>
    );
  }
  useLayoutEffect(() => setStepBack("report", stepBack), [step, !stepBack]);
  useLayoutEffect(() => {
    if (active && isForm) emit(host, "step", { step: step + 1, of: REVIEW + 1 });
  }, [step, active, isForm]);
  return (
    <div
      ref={box}
      // Where all are shown, the step follows the focus: turned, a phone shows the one whose field was in hand.
      onFocusIn={({ target }) => {
        const section = (target as Element).closest<HTMLElement>("[data-step]");
        if (section) report.enter(+section.dataset.step!);
      }}>
      {content}
    </div>
  );
}
