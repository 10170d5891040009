/** Adds the loader of one service to the page, once. Resolves when it has run, rejects when it did not come. */
export declare function install(options: InstallOptions): Promise<void>;

export interface InstallOptions {
  /** Origin of the service, such as `https://reports.example`. */
  api: string;
  /** `"1"` (default) follows the newest 1.x, a full version is that release for ever. */
  version?: string;
  /** SHA-384 of a pinned loader, as `dist/released.json` names it. */
  integrity?: string;
  /** For a policy with nonces. */
  nonce?: string;
}

/** What `window.igrajdanin` does; calls made before the loader is there wait for it. */
export declare const igrajdanin: Igrajdanin;

export interface Igrajdanin {
  /** Without a target the first widget of the page; else the widget that is, or is inside of, the target. */
  (command: "open", options?: OpenOptions, target?: Element): void;
  (command: "open" | "close" | "destroy", target?: Element): void;
  /** Without a target all widgets of the page. */
  <Name extends keyof WidgetEventDetails>(
    command: "on" | "off",
    event: Name,
    listener: (event: CustomEvent<WidgetEventDetails[Name]>) => void,
    target?: Element
  ): void;
}

/** What the widget shows when it opens: the form, as by its button, where nothing is given. */
export interface OpenOptions {
  /** The form, or what is published. */
  view?: "report" | "list";
  /** Code of the category to choose. */
  category?: string;
  /** Number of the published problem to show. */
  problem?: number;
  /** Values of the form, as long as the visitor has written nothing. */
  draft?: { description?: string; address?: string; lat?: number; lng?: number };
}

/**
 * `event.detail` by name. Each event is dispatched as `igrajdanin:…` and as `igrajdanin-…`; they bubble and cross
 * shadow roots.
 */
export interface WidgetEventDetails {
  /** The button stands in the page. */
  ready: null;
  open: null;
  /** A step of the form came into sight; on a wide screen, where all of them are, the one that is written in. */
  step: { step: number; of: number };
  /** The service has the report. */
  submitted: { number: number; status: string; answer_due: string | null };
  /** The form is refused, a report was not taken, or the code did not come (`null`). */
  error: { status?: number; code?: string } | null;
  close: null;
}

export type WidgetEvents = {
  [Name in keyof WidgetEventDetails as `igrajdanin${":" | "-"}${Name}`]: CustomEvent<WidgetEventDetails[Name]>;
};

export type WidgetTheme = "auto" | "light" | "dark" | "contrast" | "contrast-black" | "contrast-blue";

export interface WidgetAttributes {
  "site-key": string;
  type?: "basic" | "extended";
  view?: "button" | "inline" | "floating" | "figures";
  lang?: string;
  theme?: WidgetTheme;
  category?: string;
  /** Slugs of collections, between spaces or commas. */
  collection?: string;
  /** The button's text. */
  label?: string;
  /** Optional fields of contacts to leave out, between spaces or commas: `name`, `phone`, `email`. */
  hide?: string;
  /** Of the window, with `view="floating"`. */
  corner?: "bottom-right" | "bottom-left" | "top-right" | "top-left";
}

/** The element; its properties are its attributes. */
export interface IgrajdaninWidgetElement extends HTMLElement {
  siteKey: string;
  type: string;
  view: string;
  theme: string;
  category: string;
  collection: string;
  label: string;
  hide: string;
  corner: string;
  /** Resolves when the widget is open, or was closed meanwhile; rejects when its code does not load. */
  open(options?: OpenOptions): Promise<void>;
  close(): void;
  readonly isOpen: boolean;
}

declare global {
  interface Window {
    igrajdanin?: Igrajdanin;
  }
  interface HTMLElementTagNameMap {
    "igrajdanin-widget": IgrajdaninWidgetElement;
  }
  interface HTMLElementEventMap extends WidgetEvents {}
  interface DocumentEventMap extends WidgetEvents {}
  interface WindowEventMap extends WidgetEvents {}
}
