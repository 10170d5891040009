/** What every part of an open widget needs: site, language, network. */

import { createContext, type ComponentType } from "preact";
import { useContext } from "preact/hooks";
import type { Options } from "../loader/host.ts";
import type { Api } from "./api.ts";
import type { Collection, Configuration, EntryItem, Problem } from "./contract.ts";
import type { Language } from "./i18n.ts";
import type { Session, ViewName } from "./session.ts";
import type { Tickets } from "./tickets.ts";

/** A problem, or an entry of a collection. */
export type Shown = Problem & Partial<Pick<EntryItem, "title" | "answers" | "participants">>;

/** What the parts that show problems have to know where they show the entries of a collection (collection/). */
export interface Entries extends Collection {
  /** An entry's answers in words, in the order of the questions. */
  answers(entry: Shown): [question: string, answer: string][];
  /** What a visitor can do with an entry, beside what can be done with a problem. */
  Act: ComponentType<{ entry: Shown; closed: boolean }>;
  /** An entry in the list. */
  Card: ComponentType<EntryCardProps>;
  /** The entry whose act was pressed in the list: it opens with the form of the act. */
  acting: { current: number };
  /** Entries that got a voice from this browser, confirmed or not; `give` adds one. */
  given: string[];
  give(entry: number): void;
}
export interface EntryCardProps {
  entry: Shown;
  /** Voices of the entry that has most of those shown. */
  most: number;
  open: (number: number) => void;
}

export interface Site {
  session: Session;
  host: HTMLElement;
  options: Options;
  language: Language;
  api: Api;
  tickets: Tickets;
  config: Configuration;
  /** Of the collection that is shown; undefined where it is the city. */
  entries?: Entries | undefined;
  /** The widget can be seen: the dialog is open, or it stands in the page. */
  visible: boolean;
  /** Tells how to get from what a view shows to what it showed before. */
  setStepBack(view: ViewName, act?: () => void): void;
  /** Leads to another view. */
  turn(to: ViewName): void;
}

export const SiteContext = createContext<Site>(null as unknown as Site);
export const useSite = (): Site => useContext(SiteContext);
