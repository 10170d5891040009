/** What every part of an open widget needs: site, language, network. */

import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Options } from "../loader/host.ts";
import type { Api } from "./api.ts";
import type { Back } from "./back.ts";
import type { Configuration } from "./contract.ts";
import type { Language } from "./i18n.ts";
import type { Tickets } from "./tickets.ts";

export interface Site {
  host: HTMLElement;
  options: Options;
  language: Language;
  api: Api;
  tickets: Tickets;
  config: Configuration;
  /** The widget can be seen: the dialog is open, or it stands in the page. */
  visible: boolean;
  /** What the widget has made of the page's history. */
  back: Back;
  /** A view that has gone a step on, to a problem or along the form, tells how to come back. */
  setInner(view: "report" | "browse", inner?: () => void): void;
  /** Between the city and the form. */
  turn(): void;
  open(): void;
  close(): void;
}

export const SiteContext = createContext<Site>(null as unknown as Site);
export const useSite = (): Site => useContext(SiteContext);
