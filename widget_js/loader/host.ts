/** What the loader, which is small and stays, and the widget, which comes with the click, know of each other. */

export const TAG = "igrajdanin-widget";
export const EVENT = "igrajdanin:";
/** The same where a builder strips unknown tags. A form is no such place: its fields would hide its members. */
export const DIV = ":not(form)[data-igrajdanin-widget]";

/** Observed live; each is a property too. Those of a `div`, with `data-` before them, are from the first opening on. */
export const ATTRIBUTES = [
  "site-key",
  "type",
  "view",
  "lang",
  "theme",
  "category",
  "collection",
  "label",
  "hide",
  "corner"
];

/**
 * What the loader asks for at the click, so that data travels beside the code: configuration, and the challenge or,
 * where it begins with the city, the problems; then the texts. Nothing where the network failed.
 */
export type First = Promise<Response | void>[];

/** What the loader hands over. */
export interface Launch {
  host: HTMLElement;
  /** Address of the service, without a trailing slash. */
  service: string;
  /** The language to speak: `lang`, else the page's, else Russian. */
  language(): string;
  /** Draws anew what shows the attributes: the button, then the widget. */
  update(): void;
  first: First;
  /** It begins with what is published, not with the form. */
  list: boolean;
  /** Ends what was asked for and is not answered. */
  control: AbortController;
  /**
   * Fetches a chunk under its hash, which it knows itself of those that open the widget; resolves with the module's
   * address.
   */
  preload(name: string, hash?: string): Promise<string>;
}

/** What the page may ask for when it opens the widget. */
export interface OpenOptions {
  view?: "report" | "list";
  /** Code of the category to choose. */
  category?: string;
  /** Number of the published problem to show. */
  problem?: number;
  /** Values of the empty form. */
  draft?: { description?: string; address?: string; lat?: number; lng?: number };
}

/** What the widget's code gives in return. */
export interface Widget {
  /** Resolves when the dialog is open. */
  open(options?: OpenOptions): Promise<void>;
  close(): void;
  readonly isOpen: boolean;
  /** An attribute changed, or the element was moved. */
  update(): void;
  /** Takes everything out of the page and stops whatever runs. */
  destroy(): void;
}

/** The attributes as the widget reads them at one moment. */
export interface Options {
  key: string;
  service: string;
  lang: string;
  theme: string;
  category: string;
  /** Slugs of the collections to show in place of the city, between spaces or commas. */
  collection: string;
  inline: boolean;
  /** Fields of contacts that the page leaves out: `name`, `phone`, `email`. */
  hidden: string[];
  /** It shows what is published: the list, or the figures. */
  extended: boolean;
  /** It began with that, not with the form. */
  list: boolean;
  figures: boolean;
  /** The element stands in the page. */
  live: boolean;
}

/**
 * Tells the page what happens in the widget. Each event has a second name, with a hyphen: a colon separates the event's
 * target in Angular's templates.
 */
export function emit(host: Element, name: string, detail?: unknown): void {
  for (const event of [EVENT, "igrajdanin-"])
    host.dispatchEvent(new CustomEvent(event + name, { bubbles: true, composed: true, detail }));
}

/** The `div` that got the element, or the element itself. */
export const outer = (host: Element): Element => host.closest(DIV) || host;
/** An attribute of the element or, as `data-…`, of its `div`; empty where it is absent. */
export const attribute = (host: Element, name: string): string =>
  host.getAttribute(name) || outer(host).getAttribute("data-" + name) || "";

/** The figures of the city, without its list. */
export const isFigures = (host: Element): boolean => attribute(host, "view") === "figures";
/** It shows what is published. */
export const isReading = (host: Element): boolean => attribute(host, "type") === "extended" || isFigures(host);
export const isExtended = (host: Element): boolean => isReading(host) && !isFigures(host);
export const isFloating = (host: Element): boolean => attribute(host, "view") === "floating";
export const isInline = (host: Element): boolean => attribute(host, "view") === "inline" || isFigures(host);

export const readOptions = ({ host, service, language, list }: Launch): Options => ({
  key: attribute(host, "site-key"),
  service,
  lang: language(),
  theme: attribute(host, "theme") || "auto",
  category: attribute(host, "category"),
  collection: attribute(host, "collection"),
  inline: isInline(host),
  hidden: attribute(host, "hide")
    .split(/[\s,]+/)
    .filter(Boolean),
  extended: isReading(host),
  list,
  figures: isFigures(host),
  live: host.isConnected
});
