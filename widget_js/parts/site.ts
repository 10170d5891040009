/** What every part of an open widget needs: site, language, network, draft. */

import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Api } from "../api.ts";
import type { Config } from "../contract.ts";
import type { Drafts } from "../form/draft.ts";
import type { Host, Options } from "../host.ts";
import type { Language } from "../i18n.ts";
import type { Tickets } from "../tickets.ts";

export interface Site {
  host: Host;
  options: Options;
  language: Language;
  api: Api;
  tickets: Tickets;
  /** Made by the form, for what stands in it. */
  drafts: Drafts;
  config: Config;
  /** The widget can be seen: the dialog is open, or it stands in the page. */
  visible: boolean;
}

export const SiteContext = createContext<Site>(null as unknown as Site);
export const useSite = (): Site => useContext(SiteContext);
