/** The report form: one question a step on a phone, one column on a desk; nothing typed is ever lost. */

import { useEffect, useRef, useState } from "preact/hooks";
import { T } from "../i18n.ts";
import type { ApiError } from "../api.ts";
import { emit } from "../host.ts";
import { focus, useFocus, useNarrow } from "../parts/hooks.ts";
import { Icon } from "../parts/icon.tsx";
import { Refusal, refuses } from "../parts/refusal.tsx";
import { useSite } from "../parts/site.ts";
import { Done } from "./done.tsx";
import { randomKey, type Draft } from "./draft.ts";
import { CategorySection, ContactsSection, DescriptionSection, Destination, PlaceSection } from "./sections.tsx";
import { PhotosSection } from "./photos.tsx";
import { attempt, type Outcome } from "./send.ts";
import { ErrorSummary, Waiting } from "./states.tsx";
import { fromService, stepOf, STEPS, validate, type FieldError } from "./validate.ts";
import { empty, report, type Values } from "./values.ts";

const SECTIONS = [CategorySection, DescriptionSection, PlaceSection, PhotosSection, ContactsSection];
const TITLES = [T.category_title, T.description_title, T.place_title, T.photos_title, T.contacts_title] as const;
const LAST = STEPS.length - 1;

/** `from`: the report was waiting and is being sent again. */
type Held = Extract<Outcome, { state: "waiting" | "conflict" }>;
type Sending = Outcome | { state: "editing" } | { state: "sending"; from?: Held | undefined };

export function Form() {
  const { api, tickets, drafts, config, options, host, language } = useSite();
  const { t } = language;
  const blank = (contacts: Partial<Values> = {}): Draft => ({ id: randomKey(), values: { ...empty, ...contacts, category: options.category } });
  const [draft, setDraft] = useState(() => drafts.load() || blank());
  const latest = useRef(draft);
  const [restored, setRestored] = useState(() => !!drafts.load());
  const [step, setStep] = useState(options.category ? 1 : 0);
  const [errors, setErrors] = useState<FieldError[]>([]);
  const [sending, setSending] = useState<Sending>({ state: "editing" });
  const [refused, setRefused] = useState<ApiError | null>(null);
  const [tried, setTried] = useState(0);
  const box = useRef<HTMLDivElement>(null);
  const narrow = useNarrow(box);
  const heading = useFocus<HTMLHeadingElement>(narrow && "step" + step);
  // After the heading's: a summary that comes with another step is more important.
  const summary = useFocus<HTMLDivElement>(tried);
  const doneHeading = useRef<HTMLHeadingElement>(null);
  const { values } = draft;
  const byControl = Object.fromEntries(errors.map(({ control, text }) => [control, text]));

  // The proof of work runs while the person types; a refusal of this place shows before anything is typed.
  useEffect(() => {
    void tickets.prepare().then(error => error && refuses(error) && setRefused(error));
  }, [tickets]);
  useEffect(() => {
    if (sending.state === "received") focus(doneHeading);
  }, [sending.state]);

  function keep(next: Draft) {
    latest.current = next;
    setDraft(next);
    drafts.save(next);
  }
  function set(change: Partial<Values>) {
    keep({ ...latest.current, values: { ...latest.current.values, ...change } });
    const names = Object.keys(change);
    setErrors(before => before.filter(({ control }) => !names.some(name => control === name || control.startsWith(name + "."))
      && !(control === "address" && names.includes("coordinates"))));
  }
  function fail(found: FieldError[]) {
    setErrors(found);
    if (found[0]) setStep(stepOf(found[0].control));
    setTried(before => before + 1);
  }
  function erase() {
    drafts.erase();
    latest.current = blank();
    setDraft(latest.current);
    setRestored(false);
    setErrors([]);
    setSending({ state: "editing" });
    setStep(0);
  }

  async function send() {
    setSending(before => ({
      state: "sending",
      from: before.state === "waiting" || before.state === "conflict" ? before : undefined,
    }));
    const body = report(config, latest.current.values, options.lang);
    const outcome = await attempt(api, tickets, latest.current, body, keep);
    if (outcome.state === "received") {
      drafts.erase();
      // It was good for this report.
      tickets.drop();
      const { number, status, answer_due } = outcome.receipt;
      emit(host, "submitted", { number, status, answer_due });
    } else {
      const error = "error" in outcome ? outcome.error : null;
      emit(host, "error", { status: error && error.status, code: error && error.body.code || outcome.state });
      if (outcome.state === "fields") {
        fail(fromService(outcome.error.body, language));
        setSending({ state: "editing" });
        return;
      }
      if (outcome.state === "refused" && refuses(outcome.error)) setRefused(outcome.error);
    }
    setSending(outcome);
  }

  function submit(event: Event) {
    event.preventDefault();
    const found = validate(config, values, language);
    const here = narrow && step < LAST ? found.filter(({ control }) => stepOf(control) === step) : found;
    if (here.length) fail(here);
    else if (narrow && step < LAST) {
      setErrors([]);
      setStep(step + 1);
    } else {
      setErrors([]);
      void send();
    }
  }
  function visit(control: string) {
    setStep(stepOf(control));
    setTimeout(() => focus({ current: (box.current!.getRootNode() as ShadowRoot).getElementById(control) }));
  }

  const busy = sending.state === "sending";
  const held = sending.state === "waiting" || sending.state === "conflict" ? sending
    : sending.state === "sending" ? sending.from : undefined;
  const shown = narrow ? [step] : STEPS.map((_, index) => index);
  const touched = Object.values(values).some(value => typeof value === "string" && value && value !== options.category);

  let content;
  if (refused) content = <Refusal error={refused} host={host} language={language} />;
  else if (sending.state === "received") {
    const again = () => {
      const { email, name, phone } = values;
      erase();
      keep(blank({ email, name, phone }));
      void tickets.prepare();
    };
    content = <Done receipt={sending.receipt} email={values.email.trim()} earlier={!!sending.earlier} again={again} heading={doneHeading} />;
  } else if (held) {
    content = <Waiting outcome={held} busy={busy} send={() => void send()} edit={() => setSending({ state: "editing" })}
      anew={() => { keep({ id: randomKey(), values }); void send(); }} />;
  } else content = <form noValidate onSubmit={submit} aria-busy={busy}>
    {restored && <p class="notice" role="status"><Icon name="info" />
      <span>{t(draft.sent ? T.draft_unsent : T.draft_kept)} <button class="link" type="button" onClick={erase}>{t(T.draft_erase)}</button></span></p>}
    {narrow && <div class="progress">
      <p>{t(T.step, { n: step + 1, of: STEPS.length })}</p>
      {STEPS.map((_, index) => <i key={index} class={index <= step ? "on" : ""} />)}
    </div>}
    {sending.state === "refused" && <p class="notice bad" role="alert"><Icon name="alert" /><span>{sending.error.body.detail || t(T.refused)}</span></p>}
    {errors.length > 0 && <ErrorSummary errors={errors} visit={visit} box={summary} />}
    {shown.map(index => {
      const Section = SECTIONS[index]!;
      return <section class="section" key={index}>
        <h3 tabIndex={-1} ref={narrow ? heading : null}>{t(TITLES[index]!)}</h3>
        <Section values={values} errors={byControl} set={set} />
      </section>;
    })}
    {shown.includes(LAST) && <Destination values={values} />}
    <div class="actions end">
      {narrow && step > 0 && <button class="button quiet" type="button" onClick={() => setStep(step - 1)}>{t(T.back)}</button>}
      <button class="button" disabled={busy}>{busy ? t(T.sending) : shown.includes(LAST) ? config.submit : t(T.next)}</button>
    </div>
    {touched && <p class="hint">{t(T.draft_note)} <button class="link" type="button" onClick={erase}>{t(T.draft_erase)}</button></p>}
  </form>;
  return <div ref={box}>{content}</div>;
}
