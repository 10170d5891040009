/** What every part of an open widget needs: site, language, network. */

import { createContext, type ComponentType } from "preact";
import { useContext } from "preact/hooks";
import type { Options } from "../loader/host.ts";
import type { Api } from "./api.ts";
import type { Back } from "./back.ts";
import type { Collection, Configuration, EntryItem, Problem } from "./contract.ts";
import type { Language } from "./i18n.ts";
import type { Tickets } from "./tickets.ts";

/** A problem, or an entry of a collection. */
export type Shown = Problem & Partial<Pick<EntryItem, "title" | "answers" | "participants">>;

/** What the parts that show problems have to know where they show the entries of a collection (collection/). */
export interface Entries extends Collection {
  /** An entry's answers in words, in the order of the questions. */
  answers(entry: Shown): [question: string, answer: string][];
  /** What a visitor can do with an entry, beside what can be done with a problem. */
  Act: ComponentType<{ entry: Shown; closed: boolean }>;
}

/** What views tell of themselves. */
export interface Inners {
  /** A view that has gone a step on, to a problem or along the form: how to come back. */
  report?: (() => void) | undefined;
  browse?: (() => void) | undefined;
  /** What is shown, in the head of the widget, where that is not the city. */
  title?: string | undefined;
}

export interface Site {
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
  /** What the widget has made of the page's history. */
  back: Back;
  setInner<Name extends keyof Inners>(name: Name, inner?: Inners[Name]): void;
  /** Between the city and the form. */
  turn(): void;
  open(): void;
  close(): void;
}

export const SiteContext = createContext<Site>(null as unknown as Site);
export const useSite = (): Site => useContext(SiteContext);
