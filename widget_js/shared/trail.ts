/**
 * The entries that a widget makes in the page's history. No other module writes to it.
 *
 * An open dialog has one, with the address and the state of the page, so that «Назад» closes the dialog and does not
 * leave the page: browsers with close watchers (HTML, «close requests») tell the dialog of a phone's button, but not of
 * that of a desk. Views make further entries above it, each with a hash of ours. Closing takes all of them back, unless
 * the host has gone on meanwhile.
 */

import { ignoreErrors } from "./storage.ts";

/** Hears of a move in the history; `leaving`: the widget itself takes its entries back. */
type Follower = (leaving: boolean) => void;

const trails = new Set<Trail>();
/** Those whose dialogs have an entry, the uppermost last. */
const stack: Trail[] = [];
/** Entries of ours are being taken back: the popstate that tells of it is nobody's press. */
let leaving = false;
/** Those whose dialogs were opened meanwhile. */
const entering = new Set<Trail>();

const withoutHash = (href: string) => href.split("#")[0]!;

function hear(): void {
  const ours = leaving;
  const top = stack[stack.length - 1];
  if (!ours && top) top.press();
  for (const trail of [...trails]) trail.move(ours);
  arrive();
}

/** The entries are taken back. */
function arrive(): void {
  leaving = false;
  const waiting = [...entering];
  entering.clear();
  waiting.forEach(trail => trail.enter());
  listen();
}

/** Listens as long as there is a widget, or an entry on its way out. */
function listen(): void {
  if (trails.size || leaving) addEventListener("popstate", hear);
  else removeEventListener("popstate", hear);
}

export class Trail {
  /** Leads one view back inside the dialog; absent where there is nothing before what is shown. */
  stepBack?: (() => void) | undefined;
  /** The address that the page had, and those of the entries that views have made above it. */
  private hrefs = [location.href];
  /** Where in `hrefs` the page stands. */
  private step = 0;
  /** Where the widget has left the page; the host may have gone on since. */
  private left?: string;
  /** The address at which the dialog has its entry; undefined without one. */
  private entry: string | undefined;
  private followers = new Set<Follower>();

  /** `close` is called when «Назад» leads out of the dialog. */
  constructor(private readonly close: () => void) {
    trails.add(this);
    listen();
  }

  /** The dialog opens. One that was opened by a step of its own, to which somebody came back, has its way back. */
  enter(): void {
    if (this.step || this.entry !== undefined) return;
    if (leaving) return void entering.add(this);
    ignoreErrors(() => {
      this.entry = this.left = location.href;
      history.pushState(history.state, "");
      stack.push(this);
    });
  }

  /** The dialog closes: takes back what the widget has made of the history, unless the host has gone on. */
  leave(): void {
    const made = this.step + +(this.entry !== undefined);
    entering.delete(this);
    this.forget();
    this.step = 0;
    if (!made) return;
    leaving = true;
    // A router that has taken the widget out is in the middle of its own step.
    queueMicrotask(() => {
      if (location.href === this.left) history.go(-made);
      else arrive();
    });
  }

  /** The widget is gone. */
  end(): void {
    this.followers.clear();
    trails.delete(this);
    listen();
  }

  /** Whether the page stands where a view has led it. */
  isAhead(): boolean {
    return this.step > 0 && this.left === location.href;
  }

  /** Writes a hash of ours, or none, into the page's address; `step`: as an entry of its own. */
  write(hash: string, step = false): void {
    const { href } = location;
    // The host has gone on meanwhile: what lies behind is its own.
    if (this.hrefs[this.step] !== href) this.begin(href);
    // A page without an address of its own (srcdoc), or one that has written too often in a short while, refuses.
    ignoreErrors(() => {
      // A <base> would lead "#…" to another page; the host keeps its state.
      history[step ? "pushState" : "replaceState"](history.state, "", withoutHash(href) + hash);
      if (step) this.hrefs.splice(++this.step);
      this.hrefs[this.step] = this.left = location.href;
    });
  }

  /** Takes the last step back where it led from this hash, so that the way back holds no entry twice. */
  retrace(hash: string): boolean {
    const { href } = location;
    const follows = this.hrefs[this.step] === href && this.hrefs[this.step - 1] === withoutHash(href) + hash;
    if (follows) history.back();
    return follows;
  }

  /** Calls after each move in the history. */
  follow(follower: Follower): void {
    this.followers.add(follower);
  }

  /** «Назад» was pressed: it leads out of this dialog where its entry was the last one, or one view back. */
  press(): void {
    if (this.step || location.href !== this.entry) return;
    this.forget();
    if (this.stepBack) {
      this.stepBack();
      this.enter();
    } else this.close();
  }

  /** The page has moved to another entry. */
  move(ours: boolean): void {
    const { href } = location;
    const { hrefs, step } = this;
    // Where it could be either way it was back: to count too few steps does no harm.
    this.step = hrefs[step - 1] === href ? step - 1 : hrefs[step + 1] === href ? step + 1 : hrefs.indexOf(href);
    if (this.step < 0) this.begin(href);
    else this.left = href;
    this.followers.forEach(follower => follower(ours));
  }

  private begin(href: string): void {
    this.hrefs = [href];
    this.step = 0;
  }

  private forget(): void {
    if (stack.includes(this)) stack.splice(stack.indexOf(this), 1);
    this.entry = undefined;
  }
}
