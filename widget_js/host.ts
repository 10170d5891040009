/** What the loader, which is small and stays, and the widget, which comes with the click, know of each other. */

import type { First } from "./api.ts";
import type { Texts } from "./i18n.ts";
import type { File } from "./parts/later.ts";

/** The custom element. */
export interface Host extends HTMLElement {
  /** An attribute, empty where it is absent. */
  of(name: string): string;
  /** The language to speak: `lang`, else the page's, else Russian. */
  language(): string;
  /** Address of the service, without a trailing slash. */
  api(): string;
  /** All chunks for the present language and type; those that came before come from memory. */
  parts(): Promise<Parts>;
  // The widget puts its own in place of these three when it is there.
  open(): void;
  close(): void;
  /** An attribute changed, or the element was moved. */
  update(): void;
  /** The same, for the button too. */
  attributeChangedCallback(): void;
}

/** The attributes as the widget reads them at one moment. */
export interface Options {
  key: string;
  service: string;
  lang: string;
  theme: string;
  category: string;
  inline: boolean;
  extended: boolean;
  /** The element stands in the page. */
  live: boolean;
}

export const options = (host: Host): Options => ({
  key: host.of("site-key"),
  service: host.api(),
  lang: host.language(),
  theme: host.of("theme") || "auto",
  category: host.of("category"),
  inline: host.of("view") === "inline",
  extended: host.of("type") === "extended",
  live: host.isConnected,
});

/** The widget's own chunk, which has the form in it where it opens with that (basic.tsx). */
export type Own = { mount: Mount } & Partial<typeof import("./form.tsx")>;
/** What an extended widget opens with. */
export type Opening = Partial<typeof import("./city.tsx")>;
export type Parts = [own: Own, texts: { default: Texts }, city?: File<Opening>];
export type Mount = (host: Host, first: First, parts: Parts) => void;

export const emit = (host: Host, name: string, detail?: unknown): boolean =>
  host.dispatchEvent(new CustomEvent("igrajdanin:" + name, { bubbles: true, composed: true, detail }));

/** An address that may stand behind a link: one that leads somewhere or calls somebody, never one that is code. */
export const link = (address: string | null | undefined): string | undefined =>
  /^(https?|tel|mailto):/i.test(address || "") ? address! : undefined;

/** Address of the form that works without this script: the link in the snippet, else the service's own page. */
export const plainLink = (host: Host): string => {
  const own = host.querySelector("a");
  return link(own && own.href) || `${host.api()}/s/${host.of("site-key")}/report`;
};
