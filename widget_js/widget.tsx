/** The widget inside the shadow root: dialog or inline, its frame, and which view it shows. */

import { render } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Api, ApiError, type First } from "./api.ts";
import type { Config } from "./contract.ts";
import { emit, options as read, type Host, type Mount, type Opening, type Options, type Own } from "./host.ts";
import { language, T, type Texts } from "./i18n.ts";
import { Skeleton } from "./parts/skeleton.tsx";
import { watch } from "./parts/failures.ts";
import { attend, focusOn } from "./parts/hooks.ts";
import { Icon } from "./parts/icon.tsx";
import { made, wear } from "./parts/later.ts";
import { Refusal } from "./parts/refusal.tsx";
import { SiteContext, type Site } from "./parts/site.ts";
import styles from "./styles.css";
import { Tickets } from "./tickets.ts";

const scheme = matchMedia("(prefers-color-scheme: dark)");
const sheet = new CSSStyleSheet();
sheet.replaceSync(styles);
/** In the page the element takes its room; as a button it has no height (button.css says why). */
const block = new CSSStyleSheet();
block.replaceSync(":host{display:block;height:auto}");

interface Props { host: Host; options: Options; first: First; given: Own["Form"]; texts: Texts; opening: Opening; open: boolean; close: () => void }

function Widget({ host, options, first, given, texts, opening: { City: Brought, Report, Turn, texts: more }, open, close }: Props) {
  const { theme, inline, live } = options;
  const [config, setConfig] = useState<Config | ApiError | null>(null);
  // Each part of the texts has its own places: they can stand in one array.
  Object.assign(texts, more);
  // Among the first chunks where it stands alone, else brought by the city; once here it stays, in whatever language.
  const Form = useRef(given || Report).current!;
  // The city too: another language must not close what is open, or forget what is chosen.
  const town = useRef(Brought);
  const City = town.current = town.current || Brought;
  const [reporting, report] = useState(!options.extended);
  const dialog = useRef<HTMLDialogElement>(null);
  const ready = config && !(config instanceof ApiError) ? config : null;
  const address = `${options.service}/api/v1/sites/${options.key}`;
  const { api, tickets } = useMemo(() => {
    const made = new Api(address, first);
    return { api: made, tickets: new Tickets(made) };
  }, [address]);
  const words = useMemo(() => language(texts, config && "time_zone" in config ? config.time_zone : undefined), [texts, config]);
  const { t } = words;
  const load = () => {
    setConfig(before => before instanceof ApiError ? null : before);
    api.config(words.locale.slice(0, 2)).then(setConfig, (error: ApiError) => setConfig(before => before || error));
  };

  useEffect(load, [api, words.locale]);
  // The site's own colours, where the page does not set any: through the CSSOM, which a strict CSP lets pass.
  const colours = useMemo(() => ready && !getComputedStyle(host).getPropertyValue("--igw-accent") && ready.colours || undefined, [config]);
  useLayoutEffect(() => {
    const element = dialog.current;
    // Asked for again before it has told that it was closed by a key, it is open for us and closed for the browser.
    if (element && element.open !== open) open ? element.showModal() : element.close();
  });

  const city = City && Turn && options.extended && !(ready && ready.type === "basic");
  const form = !city || reporting;
  const visible = live && (open || inline);
  const site = ready && { host, options, language: words, api, tickets, config: ready, visible } as Site;
  const turn = () => {
    report(!form);
    focusOn(host, "title");
  };

  const content = <div class="sheet">
    <header class="head">
      <div>
        <h2 class="title" id="title" tabIndex={-1} autofocus={!inline}>{t(form ? T.title : T.list_title)}</h2>
        <p class="muted">{ready ? ready.agency.name : "\u00a0"}</p>
      </div>
      {!inline && <button class="round" type="button" aria-label={t(T.close)} onClick={close}><Icon name="close" /></button>}
    </header>
    {city && <nav class="turn"><Turn form={form} turn={turn} language={words} /></nav>}
    <div class="body">
      {config instanceof ApiError && <Refusal error={config} host={host} language={words} retry={load} />}
      {!config && <Skeleton text={t(form ? T.loading : T.loading_list)} />}
      {site && <SiteContext.Provider value={site}>
        <div hidden={!form}><Form wanted={form} /></div>
        {city && <div hidden={form}><City active={visible && !form} /></div>}
      </SiteContext.Provider>}
    </div>
  </div>;
  const look = theme === "auto" ? (scheme.matches ? "dark" : "light") : theme;
  return <div class="igw" style={colours} data-theme={look} lang={words.locale}>
    {inline ? <section class="inline" aria-labelledby="title">{content}</section>
      : <dialog ref={dialog} onClose={event => event.currentTarget.open || close()} aria-labelledby="title"
        onClick={event => event.target === event.currentTarget && close()}>{content}</dialog>}
  </div>;
}

/** The caret stands in another field of the page. */
const writing = (host: Host): boolean => {
  const active = document.activeElement;
  return !!active && active !== host && active.matches("input,textarea,select,[contenteditable]");
};

export const mount: Mount = (host, first, parts) => {
  watch(host);
  attend();
  const root = host.shadowRoot!;
  const place = document.createElement("div");
  root.append(place);
  const [button] = root.adoptedStyleSheets as [CSSStyleSheet];
  let open = false;
  const [own] = parts;
  let loaded = parts;
  let opening: Opening = {};
  const dress = () => {
    // What has come stays, of whatever type the widget is by now.
    if (loaded[2]) opening = made(loaded[2]);
    // Those that chunks bring stay.
    const more = root.adoptedStyleSheets.filter(one => ![button, sheet, block].includes(one));
    root.adoptedStyleSheets = [button, sheet, ...read(host).inline ? [block] : [], ...more];
    wear(host, own);
    wear(host, opening);
  };
  let wanted = "";
  const draw = () => render(<Widget host={host} first={first} given={own.Form} texts={loaded[1].default} opening={opening} options={read(host)} open={open} close={host.close} />, place);
  const turn = (to: boolean) => {
    const turned = open !== to;
    open = to;
    draw();
    if (turned) emit(host, to ? "open" : "close");
  };
  host.open = () => {
    // A shared address may open it late: who writes in a field of the host's keeps it in sight.
    if (read(host).inline && !writing(host)) host.scrollIntoView();
    turn(true);
  };
  host.close = () => turn(false);
  host.update = () => {
    dress();
    draw();
    const { lang, extended } = read(host);
    const want = lang + extended;
    if (want === wanted) return;
    wanted = want;
    // Another language, or the extended view, may need chunks that are not here yet.
    host.parts().then(found => {
      if (want !== wanted) return;
      loaded = found;
      dress();
      draw();
    }, () => undefined);
  };
  // What changed while the code was on its way counts too.
  host.update();
  const attributes = new MutationObserver(() => host.attributeChangedCallback());
  for (const one of [host, host.closest("[data-igrajdanin-widget]")]) if (one) attributes.observe(one, { attributes: true });
  // A widget stays for the life of its element.
  scheme.addEventListener("change", host.update);
};
