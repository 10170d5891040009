/** The widget inside the shadow root: dialog or inline, its frame, and which view it shows. */

import { render } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Api, ApiError, type First } from "./api.ts";
import type { Config } from "./contract.ts";
import { Drafts } from "./form/draft.ts";
import { Form } from "./form/form.tsx";
import type { View } from "./extended.tsx";
import { emit, options as read, type Host, type Mount, type Options, type Parts } from "./host.ts";
import { language, T } from "./i18n.ts";
import { watch } from "./parts/failures.ts";
import { Icon } from "./parts/icon.tsx";
import { Refusal } from "./parts/refusal.tsx";
import { SiteContext } from "./parts/site.ts";
import styles from "./styles.css";
import { Tickets } from "./tickets.ts";

export * from "./kit.ts";

const scheme = matchMedia("(prefers-color-scheme: dark)");
const sheet = new CSSStyleSheet();
sheet.replaceSync(styles);
/** In the page the element takes its room; as a button it has no height (button.css says why). */
const block = new CSSStyleSheet();
block.replaceSync(":host{display:block;height:auto}");

interface Props { host: Host; options: Options; first: First; parts: Parts; open: boolean; close: () => void }

function Widget({ host, options, first, parts, open, close }: Props) {
  const { theme, inline, live } = options;
  const [config, setConfig] = useState<Config | ApiError | null>(null);
  const extended = options.extended && parts[2];
  const [view, go] = useState<View>(() => ({ name: inline && extended ? "list" : "form" }));
  const dialog = useRef<HTMLDialogElement>(null);
  const ready = config && !(config instanceof ApiError) ? config : null;
  // Each part of the texts has its own places: they can stand in one array.
  const texts = parts[1].default;
  if (parts[2]) Object.assign(texts, parts[2].texts);
  const address = `${options.service}/api/v1/sites/${options.key}`;
  const { api, tickets, drafts } = useMemo(() => {
    const made = new Api(address, first);
    return { api: made, tickets: new Tickets(made), drafts: new Drafts("igrajdanin:" + options.key) };
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
    if (!element) return;
    if (open && !element.open) element.showModal();
    if (!open && element.open) element.close();
  }, [open, inline]);

  const listed = extended && (!ready || ready.type !== "basic") ? extended : undefined;
  const form = !listed || view.name === "form";
  const visible = live && (open || inline);
  const site_ = ready && { host, options, language: words, api, tickets, drafts, config: ready, visible };

  const content = <div class="sheet">
    <header class="head">
      <div>
        <h2 class="title" id="title">{t(form ? T.title : T.list_title)}</h2>
        <p class="muted">{ready ? ready.agency.name : "\u00a0"}</p>
      </div>
      {!inline && <button class="round" type="button" aria-label={t(T.close)} onClick={close}><Icon name="close" /></button>}
    </header>
    {listed && <listed.Tabs form={form} go={go} t={t} />}
    <div class="body">
      {config instanceof ApiError && <Refusal error={config} host={host} language={words} retry={load} />}
      {!config && <div class="skeleton" role="status"><span class="away">{t(T.loading)}</span></div>}
      {site_ && <SiteContext.Provider value={site_}>
        <div hidden={!form}><Form /></div>
        {listed && <listed.Views view={view} go={go} />}
      </SiteContext.Provider>}
    </div>
  </div>;
  const look = theme === "auto" ? (scheme.matches ? "dark" : "light") : theme;
  return <div class="igw" style={colours} data-theme={look} lang={words.locale}>
    {inline ? <section class="inline" aria-labelledby="title">{content}</section>
      : <dialog ref={dialog} onClose={close} aria-labelledby="title"
        onClick={event => event.target === event.currentTarget && close()}>{content}</dialog>}
  </div>;
}

export const mount: Mount = (host, first, parts) => {
  watch(host);
  const root = host.shadowRoot!;
  const place = document.createElement("div");
  root.append(place);
  const [button] = root.adoptedStyleSheets as [CSSStyleSheet];
  let open = false;
  let loaded = parts;
  let worn = [button];
  const dress = () => {
    // Those that chunks brought later stay.
    const more = root.adoptedStyleSheets.filter(one => !worn.includes(one));
    worn = [button, sheet, ...loaded[2] ? [loaded[2].sheet] : [], ...read(host).inline ? [block] : []];
    root.adoptedStyleSheets = [...worn, ...more];
  };
  let wanted = "";
  const draw = () => render(<Widget host={host} first={first} parts={loaded} options={read(host)} open={open} close={host.close} />, place);
  const turn = (to: boolean) => {
    const turned = open !== to;
    open = to;
    draw();
    if (turned) emit(host, to ? "open" : "close");
  };
  host.open = () => turn(true);
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
  new MutationObserver(host.update).observe(host, { attributes: true });
  // A widget stays for the life of its element.
  scheme.addEventListener("change", host.update);
};
