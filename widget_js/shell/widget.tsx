/** The widget inside the shadow root: dialog or inline, its frame, and which view it shows. */

import { render } from "preact";
import { useErrorBoundary, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import {
  DIV,
  emit,
  isReading,
  readOptions,
  type Launch,
  type OpenOptions,
  type Options,
  type Widget
} from "../loader/host.ts";
import { ApiError } from "../shared/api.ts";
import { loadChunk, setPreload } from "../shared/chunks.ts";
import { addLanguage, addTexts, hasTexts, textsOf } from "../shared/dictionaries.ts";
import { attend, focusOn } from "../shared/focus.ts";
import { language } from "../shared/i18n.ts";
import { Session, type ViewName } from "../shared/session.ts";
import { SiteContext, type Site } from "../shared/site.ts";
import { useStore } from "../shared/store.ts";
import { addSheet, styleSheet } from "../shared/styles.ts";
import { reportFailure, watchFailures } from "../shared/telemetry.ts";
import { Icon } from "../shared/ui/icon.tsx";
import { describe, Refusal, warn } from "../shared/ui/refusal.tsx";
import { Skeleton } from "../shared/ui/skeleton.tsx";
import styles from "../shared/ui/styles.css";
import { View } from "../shared/ui/view.tsx";
import { Words } from "../shared/ui/words.tsx";

const scheme = matchMedia("(prefers-color-scheme: dark)");
/** As the page where it has one colour scheme, else as the system. */
const isDark = (page: string): boolean => {
  const dark = /dark/.test(page);
  return dark === /light/.test(page) ? scheme.matches : dark;
};
const sheet = styleSheet(styles);
/** In the page the element is as wide as its place; as a button it is a box in the line (button.css). */
const block = styleSheet(":host{display:block;height:auto}");

/** No answer of the service: what broke is reported by its own name. */
const CRASH = new ApiError(400);

interface Props {
  session: Session;
  options: Options;
}

function Root({ session, options }: Props) {
  const { host, api, tickets, config, isOpen, isVisible } = useStore(session);
  const { theme, inline, figures, lang, category, collection } = options;
  const dialog = useRef<HTMLDialogElement>(null);
  /**
   * The last key, or where a pointer went down: whoever selects a text may end on the backdrop, and wants to close
   * nothing.
   */
  const pressed = useRef<EventTarget | string | null>(null);
  const words = useMemo(() => language(lang, textsOf(lang), config ? config.time_zone : undefined), [lang, config]);
  const { t } = words;
  const close = () => session.close();
  const [crash, recover] = useErrorBoundary(error => {
    console.error(error);
    reportFailure(options, "crash");
  });
  // The site's own colours, where the page does not set any: through the CSSOM, which a strict CSP lets pass.
  const page = getComputedStyle(host);
  const colours = (config && !page.getPropertyValue("--igw-accent") && config.colours) || undefined;
  useLayoutEffect(() => {
    const element = dialog.current;
    if (!element) return;
    // A part of the page that is hidden hides the dialog too, and the page would stand still behind nothing.
    const watch = new ResizeObserver(() => element.open && !isRendered(element) && session.close());
    watch.observe(element);
    return () => watch.disconnect();
  }, [inline]);
  // After the one above: what closes at once is drawn anew in here, and each effect would run twice.
  useLayoutEffect(() => {
    const element = dialog.current;
    // Asked for again before it has told that it was closed by a key, it is open for us and closed for the browser.
    if (!element || !element.isConnected || element.open === isOpen) return;
    if (isOpen) showModal(element, session);
    else element.close();
  });

  // A category that the site has not is the webmaster's slip: the form goes on without it. No boundary is above this:
  // an answer without categories is for the views to fail on.
  const codes = config ? (config.categories || []).map(({ code }) => code) : [category];
  const unknown = category && !codes.includes(category);
  if (unknown) warn(options, `category="${category}". ${t("category_label")}: ${codes}`);

  const failure = crash ? CRASH : !config && session.error;
  const extended = options.extended && !failure && (figures || !(config && config.type === "basic"));
  const { view, before } = session;
  const shown = view === "mine" ? view : !extended ? "report" : figures ? "browse" : view;
  const form = shown === "report";
  const turn = (to: ViewName) => {
    session.turn(to, shown);
    focusOn(host, "title");
  };
  const leave = before && (() => turn(before));
  const stepBack = session.stepBackOf(shown);
  session.trail.stepBack = stepBack || leave;
  /** A step back in the form is its own button's. */
  const back = form ? leave : session.trail.stepBack;
  const site: Omit<Site, "config"> = {
    session,
    host,
    options: unknown ? { ...options, category: "" } : options,
    language: words,
    api,
    tickets,
    visible: isVisible,
    setStepBack: (view, act) => session.setStepBack(view, act),
    turn
  };
  const way = (to: ViewName, text: "mine" | "list_title") => (
    <button class="link" type="button" onClick={() => turn(to)}>
      {t(text)}
    </button>
  );

  const content = (
    <div class="sheet">
      <header class={inline && !back ? undefined : "stuck"}>
        {back && (
          <button
            class="round"
            type="button"
            aria-label={t(back !== leave || before === "browse" ? "problem_back" : "back")}
            onClick={back}>
            <Icon name="back" />
          </button>
        )}
        <h2 class="title" id="title" tabIndex={-1} autofocus={!inline}>
          <Words>
            {failure
              ? t("unavailable_title")
              : session.title ||
                t(
                  shown === "mine"
                    ? shown
                    : form
                      ? "title"
                      : figures
                        ? "figures"
                        : collection
                          ? "loading_list"
                          : "list_title"
                )}
          </Words>
        </h2>
        {!inline && (
          <button class="round" type="button" aria-label={t("close")} onClick={close}>
            <Icon name="close" />
          </button>
        )}
      </header>
      <div class="body">
        <p class="agency muted">{config && config.agency.name}</p>
        {failure ? (
          <Refusal
            error={failure}
            host={host}
            options={options}
            language={words}
            agency={config && config.agency}
            retry={() => {
              recover();
              session.retry();
            }}
          />
        ) : config ? (
          <SiteContext.Provider value={{ ...site, config }}>
            {form && !stepBack && (
              <p class="actions">
                {way("mine", "mine")}
                {extended && way("browse", "list_title")}
              </p>
            )}
            <View name="report" shown={form} />
            {extended && <View name="browse" shown={shown === "browse"} />}
            {shown === "mine" && <View name={shown} shown />}
          </SiteContext.Provider>
        ) : (
          <Skeleton text={t("loading")} />
        )}
      </div>
    </div>
  );
  const look = theme === "auto" ? (isDark(page.colorScheme) ? "dark" : "light") : theme;
  return (
    <div class="igw" style={colours} data-theme={look} lang={words.locale} dir={t("direction") as "ltr"}>
      {inline ? (
        <section class="inline" aria-labelledby="title">
          {content}
        </section>
      ) : (
        <dialog
          ref={dialog}
          onClose={event => event.currentTarget.open || close()}
          aria-labelledby="title"
          onPointerDown={event => {
            pressed.current = event.target;
          }}
          onKeyDown={event => {
            pressed.current = event.key;
          }}
          onCancel={event => {
            // That no file was chosen is told so too.
            if (!event.cancelable || event.target !== event.currentTarget) return;
            // The browser would tell of its closing later, and what is drawn meanwhile would open the dialog again.
            event.preventDefault();
            // A phone's «Назад» leads one view back, Escape out.
            ((pressed.current !== "Escape" && session.trail.stepBack) || close)();
          }}
          onClick={event => event.target === event.currentTarget && pressed.current === event.target && close()}>
          {content}
        </dialog>
      )}
    </div>
  );
}

/** It has a box: neither it nor what it stands in is hidden. */
const isRendered = (element: Element): boolean => element.getClientRects().length > 0;

/** Opens the dialog, unless nobody would see it. */
function showModal(element: HTMLDialogElement, session: Session): void {
  element.showModal();
  if (isRendered(element)) return;
  warn(session.options, "is in a hidden part of the page");
  emit(session.host, "error", { code: "hidden" });
  session.close();
}

/** The caret stands in another field of the page. */
const isWriting = (host: HTMLElement): boolean => {
  const active = document.activeElement;
  return !!active && active !== host && active.matches("input,textarea,select,[contenteditable]");
};

/** Resolves when everything that the loader has preloaded is here. */
export async function mount(launch: Launch): Promise<Widget> {
  const { host, service, first, list } = launch;
  let destroyed = false;
  /** The language that is shown: another one shows when all of it is here. */
  let lang = launch.language();
  setPreload(launch.preload);
  const unwatch = watchFailures(launch);
  try {
    await Promise.all([
      addTexts(service, lang, "widget", first[2]),
      list && addTexts(service, lang, "browse", first[3]),
      loadChunk(list ? "browse" : "report")
    ]);
  } catch (error) {
    // Word of what the policy has blocked is still on its way.
    setTimeout(unwatch);
    console.error(`${describe(readOptions(launch))}:`, error);
    throw error;
  }

  const root = host.shadowRoot!;
  const place = document.createElement("div");
  root.append(place);
  // Handlers on the host's document, such as shortcuts and focus traps, would cancel what happens in here.
  for (const name of ["click", "focusin", "keydown", "keypress", "keyup", "mousedown"])
    place.addEventListener(name, event => event.stopPropagation());
  addSheet(root, sheet);
  /** An extended one is basic until the words of the list are here. */
  const options = () => ({ ...readOptions(launch), lang, extended: isReading(host) && hasTexts(lang, ["browse"]) });
  let session = new Session(host, options(), () => draw(), first, launch.control);
  const draw = () => {
    if (destroyed) return;
    // A blocker may have taken it out.
    if (place.parentNode !== root) root.append(place);
    const now = options();
    if (now.key !== session.options.key) {
      const { isOpen } = session;
      session.destroy();
      session = new Session(host, now, () => draw());
      if (isOpen) session.open();
    }
    session.update(now);
    root.adoptedStyleSheets = root.adoptedStyleSheets.filter(one => one !== block);
    if (now.inline) addSheet(root, block);
    render(<Root key={now.key} session={session} options={now} />, place);
  };
  const open = async (wanted?: OpenOptions) => {
    // A shared address may open it late: who writes in a field of the host's keeps it in sight.
    if (options().inline && !isWriting(host)) host.scrollIntoView();
    session.open(wanted);
  };
  const update = () => {
    const wanted = launch.language();
    const coming = isReading(host) && addTexts(service, lang, "browse");
    if (coming) coming.then(draw, () => {});
    if (wanted !== lang) {
      if (hasTexts(wanted)) void addLanguage(service, (lang = wanted));
      else addLanguage(service, wanted).then(update, () => {});
    }
    draw();
  };
  const unattend = attend();
  scheme.addEventListener("change", draw);
  const attributes = new MutationObserver(launch.update);
  // Pages mark their theme at the root, which may have another colour scheme.
  for (const one of [document.documentElement, host.closest(DIV)])
    if (one) attributes.observe(one, { attributes: true });
  update();
  return {
    open,
    close: () => session.close(),
    get isOpen() {
      return session.isOpen;
    },
    update,
    destroy() {
      destroyed = true;
      scheme.removeEventListener("change", draw);
      attributes.disconnect();
      unwatch();
      unattend();
      session.destroy();
      render(null, place);
      place.remove();
    }
  };
}
