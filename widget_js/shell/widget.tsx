/** The widget inside the shadow root: dialog or inline, its frame, and which view it shows. */

import { render } from "preact";
import { useErrorBoundary, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { DIV, isReading, readOptions, type Launch, type Options, type Widget } from "../loader/host.ts";
import { emit } from "../shared/emit.ts";
import { Api, ApiError } from "../shared/api.ts";
import { loadChunk, setPreload } from "../shared/chunks.ts";
import type { Configuration } from "../shared/contract.ts";
import { addLanguage, addTexts, hasTexts, textsOf } from "../shared/dictionaries.ts";
import { createBack } from "../shared/back.ts";
import { attend, focusOn } from "../shared/focus.ts";
import { language } from "../shared/i18n.ts";
import { SiteContext, type Inners, type Site } from "../shared/site.ts";
import { addSheet, styleSheet } from "../shared/styles.ts";
import { reportFailure, watchFailures } from "../shared/telemetry.ts";
import { Tickets } from "../shared/tickets.ts";
import { Icon } from "../shared/ui/icon.tsx";
import { describe, Refusal, warn } from "../shared/ui/refusal.tsx";
import { Skeleton } from "../shared/ui/skeleton.tsx";
import styles from "../shared/ui/styles.css";
import { View } from "../shared/ui/view.tsx";
import { Words } from "../shared/ui/words.tsx";

const scheme = matchMedia("(prefers-color-scheme: dark)");
const sheet = styleSheet(styles);
/** In the page the element takes its room; as a button it has no height (button.css says why). */
const block = styleSheet(":host{display:block;height:auto}");

/** No answer of the service: what broke is reported by its own name. */
const CRASH = new ApiError(400);

interface Props {
  launch: Launch;
  options: Options;
  opened: boolean;
  open: () => void;
  close: () => void;
}

function Root({ launch: { host, first, control }, options, opened, open, close }: Props) {
  const { theme, inline, figures, live, lang, category, collection } = options;
  const [config, setConfig] = useState<Configuration | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const [reporting, report] = useState(!options.extended);
  const [inners, setInners] = useState<Inners>({});
  const dialog = useRef<HTMLDialogElement>(null);
  /**
   * The last key, or where a pointer went down: whoever selects a text may end on the backdrop, and wants to close
   * nothing.
   */
  const pressed = useRef<EventTarget | string | null>(null);
  const api = useMemo(() => new Api(`${options.service}/api/v1/sites/${options.key}`, first, control), []);
  const tickets = useMemo(() => new Tickets(api), []);
  const words = useMemo(() => language(lang, textsOf(lang), config ? config.time_zone : undefined), [lang, config]);
  const { t } = words;
  const back = useMemo(() => createBack(close), []);
  const [crash, recover] = useErrorBoundary(error => {
    console.error(error);
    reportFailure(options, "crash");
  });
  // Asked for anew with another language, and with each try after a failure.
  useLayoutEffect(() => {
    if (error) return;
    let wanted = true;
    api.config(lang).then(
      found => wanted && setConfig(found),
      // What stands already stays as it is.
      failure => wanted && !config && setError(failure)
    );
    return () => {
      wanted = false;
    };
  }, [lang, error]);
  // The site's own colours, where the page does not set any: through the CSSOM, which a strict CSP lets pass.
  const colours = useMemo(
    () => (config && !getComputedStyle(host).getPropertyValue("--igw-accent") && config.colours) || undefined,
    [config]
  );
  useLayoutEffect(() => {
    const element = dialog.current;
    // Asked for again before it has told that it was closed by a key, it is open for us and closed for the browser.
    if (element && element.open !== opened) opened ? element.showModal() : element.close();
    back.inner = inner;
  });
  useLayoutEffect(() => {
    if (!opened || inline) return;
    back.enter();
    return back.leave;
  }, [opened, inline]);

  // A category that the site has not is the webmaster's slip: the form goes on without it. No boundary is above this:
  // an answer without categories is for the views to fail on.
  const codes = config ? (config.categories || []).map(({ code }) => code) : [category];
  const unknown = category && !codes.includes(category);
  if (unknown) warn(options, `category="${category}". ${t("category_label")}: ${codes}`);

  const failure = crash ? CRASH : !config && error;
  const extended = options.extended && !failure && (figures || !(config && config.type === "basic"));
  const form = !extended || (reporting && !figures);
  const visible = live && (opened || inline);
  const turn = () => {
    report(!form);
    focusOn(host, "title");
  };
  const up = form ? (extended ? turn : undefined) : inners.browse;
  const inner = form ? inners.report || up : up;
  const setInner: Site["setInner"] = (view, inner) => setInners(before => ({ ...before, [view]: inner }));

  const content = (
    <div class="sheet">
      <header class={inline && !up ? undefined : "stuck"}>
        {up && (
          <button class="round" type="button" aria-label={t("problem_back")} onClick={up}>
            <Icon name="back" />
          </button>
        )}
        <h2 class="title" id="title" tabIndex={-1} autofocus={!inline}>
          <Words>
            {failure
              ? t("unavailable_title")
              : inners.title || t(form ? "title" : figures ? "figures" : collection ? "loading_list" : "list_title")}
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
              setError(null);
            }}
          />
        ) : config ? (
          <SiteContext.Provider
            value={{
              host,
              options: unknown ? { ...options, category: "" } : options,
              language: words,
              api,
              tickets,
              config,
              visible,
              back,
              setInner,
              turn,
              open,
              close
            }}>
            <View name="report" shown={form} />
            {extended && <View name="browse" shown={!form} />}
          </SiteContext.Provider>
        ) : (
          <Skeleton text={t(form ? "loading" : "loading_list")} />
        )}
      </div>
    </div>
  );
  const look = theme === "auto" ? (scheme.matches ? "dark" : "light") : theme;
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
            // A phone's «Назад» leads one view back, Escape out. That no file was chosen is told so too, past changing.
            if (!inner || !event.cancelable || pressed.current === "Escape") return;
            event.preventDefault();
            inner();
          }}
          onClick={event => event.target === event.currentTarget && pressed.current === event.target && close()}>
          {content}
        </dialog>
      )}
    </div>
  );
}

/** The caret stands in another field of the page. */
const writing = (host: HTMLElement): boolean => {
  const active = document.activeElement;
  return !!active && active !== host && active.matches("input,textarea,select,[contenteditable]");
};

/** Resolves when everything that the loader has preloaded is here. */
export async function mount(launch: Launch): Promise<Widget> {
  const { host, service, first } = launch;
  let opened = false;
  let destroyed = false;
  /** The language that is shown: another one shows when all of it is here. */
  let lang = launch.language();
  setPreload(launch.preload);
  const unwatch = watchFailures(launch);
  try {
    await Promise.all([
      addTexts(service, lang, "widget", first[2]),
      isReading(host) && addTexts(service, lang, "browse", first[3]),
      loadChunk(isReading(host) ? "browse" : "report")
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
  addSheet(root, sheet);
  /** An extended one is basic until the words of the list are here. */
  const options = () => ({ ...readOptions(launch), lang, extended: isReading(host) && hasTexts(lang, ["browse"]) });
  const draw = () => {
    if (destroyed) return;
    // A blocker may have taken it out.
    if (place.parentNode !== root) root.append(place);
    const now = options();
    root.adoptedStyleSheets = root.adoptedStyleSheets.filter(one => one !== block);
    if (now.inline) addSheet(root, block);
    render(<Root key={now.key} launch={launch} options={now} opened={opened} open={open} close={close} />, place);
  };
  const turn = (to: boolean) => {
    const turned = opened !== to;
    opened = to;
    draw();
    if (turned) emit(host, to ? "open" : "close");
  };
  const open = () => {
    // A shared address may open it late: who writes in a field of the host's keeps it in sight.
    if (options().inline && !writing(host)) host.scrollIntoView();
    turn(true);
  };
  const close = () => turn(false);
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
  const div = host.closest(DIV);
  if (div) attributes.observe(div, { attributes: true });
  update();
  return {
    open,
    close,
    update,
    destroy() {
      destroyed = true;
      scheme.removeEventListener("change", draw);
      attributes.disconnect();
      unwatch();
      unattend();
      render(null, place);
      place.remove();
    }
  };
}
