/**
 * One widget of the page, outside Preact: what it owns, and for how long. Views come and go, and render from it.
 *
 * Whatever takes time obeys one of its two signals: `closed()` ends with the dialog that is open, `destroyed` with the
 * widget. What comes later changes nothing in the page.
 */

import { emit, type First, type OpenOptions, type Options } from "../loader/host.ts";
import { Api, type ApiError } from "./api.ts";
import type { Configuration } from "./contract.ts";
import { Store } from "./store.ts";
import { Tickets } from "./tickets.ts";
import { Trail } from "./trail.ts";

/** The form, what is published, the person's own reports. */
export type ViewName = "report" | "browse" | "mine";

export class Session extends Store {
  readonly trail: Trail;
  readonly api: Api;
  readonly tickets: Tickets;
  /** The service's answer of this site; null before it is here. */
  config: Configuration | null = null;
  /** Why there is no configuration. */
  error: ApiError | null = null;
  isOpen = false;
  /** What is shown. */
  view: ViewName;
  /** What is shown, for the head of the widget, where it is neither the city nor the form. */
  title: string | undefined;
  /** What led to it by a press inside: the way back. */
  before: ViewName | undefined;
  private readonly stepsBack: Partial<Record<ViewName, (() => void) | undefined>> = {};
  private readonly parts = new Map<string, unknown>();
  private readonly awaiting = new Map<string, ((part: never) => void)[]>();
  private readonly ending = new AbortController();
  private closing = new AbortController();
  private hasEntry = false;

  /** `first`: what the loader has asked for; `control` ends it. */
  constructor(
    readonly host: HTMLElement,
    public options: Options,
    /** Draws the widget at once: what is told of an open dialog comes when it is open. */
    private readonly draw: () => void = () => {},
    first?: First,
    private readonly control?: AbortController
  ) {
    super();
    this.view = options.list ? "browse" : "report";
    this.api = new Api(`${options.service}/api/v1/sites/${options.key}`, first, control, this.destroyed);
    this.tickets = new Tickets(this.api);
    this.trail = new Trail(() => this.close());
    void this.loadConfig();
  }

  get destroyed(): AbortSignal {
    return this.ending.signal;
  }

  /** Of the dialog that is open now; where the widget stands in the page, of the widget. */
  closed(): AbortSignal {
    return this.closing.signal;
  }

  /** The dialog is open, or the widget stands in the page. */
  get isVisible(): boolean {
    return this.options.live && (this.isOpen || this.options.inline);
  }

  /**
   * Returns what this widget owns under a name, made at the first call. It lives as long as the widget, whichever view
   * is drawn.
   */
  part<T>(name: string, make: () => T): T {
    if (!this.parts.has(name)) {
      const made = make();
      this.parts.set(name, made);
      for (const take of this.awaiting.get(name) || []) take(made as never);
      this.awaiting.delete(name);
    }
    return this.parts.get(name) as T;
  }

  /** Calls `take` with a part: now, or when its chunk has made it. */
  whenPart<T>(name: string, take: (part: T) => void): void {
    if (this.parts.has(name)) take(this.parts.get(name) as T);
    else this.awaiting.set(name, [...(this.awaiting.get(name) || []), take]);
  }

  /** Attributes have changed, or the element was moved. */
  update(options: Options): void {
    const before = this.options;
    const wasVisible = this.isVisible;
    this.options = options;
    if (options.lang !== before.lang && !this.error) void this.loadConfig();
    this.settle();
    if (wasVisible !== this.isVisible) this.changed();
  }

  /** Where nothing is asked for what is shown stays. */
  open({ view, category, problem, draft }: OpenOptions = {}): void {
    if (this.destroyed.aborted) return;
    if (view || category || draft || problem) {
      this.view = problem || view === "list" ? "browse" : "report";
      this.before = undefined;
    }
    if (category || draft)
      this.whenPart<{ prefill(draft: object): void }>("report", report => report.prefill({ ...draft, category }));
    if (problem)
      this.whenPart<{ openProblem(number: number): void }>("address", address => address.openProblem(problem));
    this.setOpen(true);
  }

  close(): void {
    this.setOpen(false);
  }

  /** Ends whatever runs, and takes back what was made of the page's history. */
  destroy(): void {
    this.isOpen = false;
    this.settle();
    this.closing.abort();
    this.ending.abort();
    if (this.control) this.control.abort();
    this.trail.end();
  }

  /** Asks for the configuration again. */
  retry(): void {
    this.error = null;
    this.changed();
    void this.loadConfig();
  }

  /** Leads from one view to another, or back to the one before it. */
  turn(to: ViewName, from: ViewName): void {
    this.before = this.before === to ? undefined : from;
    this.view = to;
    this.changed();
  }

  /** How to get from what a view shows to what it showed before; nothing where that was its first. */
  setStepBack(view: ViewName, act?: () => void): void {
    if (this.stepsBack[view] === act) return;
    this.stepsBack[view] = act;
    this.changed();
  }

  stepBackOf(view: ViewName): (() => void) | undefined {
    return this.stepsBack[view];
  }

  setTitle(title?: string): void {
    this.title = title;
    this.changed();
  }

  private setOpen(to: boolean): void {
    const turned = this.isOpen !== to;
    this.isOpen = to;
    // The entries of the views lie above the dialog's: they come after it, and go before it.
    if (to) this.settle();
    this.changed();
    this.settle();
    this.draw();
    // Drawing closes a dialog that nobody would see.
    if (turned && this.isOpen === to) emit(this.host, to ? "open" : "close");
  }

  /** The signal and the history entry of an open dialog. */
  private settle(): void {
    const modal = this.isOpen && !this.options.inline;
    if (this.isVisible) {
      if (this.closing.signal.aborted) this.closing = new AbortController();
    } else this.closing.abort();
    if (modal === this.hasEntry) return;
    this.hasEntry = modal;
    if (modal) this.trail.enter();
    else this.trail.leave();
  }

  private async loadConfig(): Promise<void> {
    const { lang } = this.options;
    const isWanted = () => !this.destroyed.aborted && lang === this.options.lang;
    try {
      const config = await this.api.config(lang);
      if (!isWanted()) return;
      this.config = config;
      this.error = null;
    } catch (error) {
      // What stands already stays as it is.
      if (!isWanted() || this.config) return;
      this.error = error as ApiError;
    }
    this.changed();
  }
}
