/**
 * The entries that a widget makes in the page's history. This module and steps.ts alone write to it.
 *
 * An open dialog has one, with the address and the state of the page, so that «Назад» closes the dialog and does not
 * leave the page: browsers with close watchers (HTML, «close requests») tell the dialog of a phone's button, but not of
 * that of a desk. Views make further entries above it, each with a hash of ours (steps.ts). Closing takes all of them
 * back, unless the host has gone on meanwhile.
 */

import { ignoreErrors } from "./storage.ts";

/** Hears of a move in the history; `leaving`: the widget itself takes its entries back. */
type Follower = (leaving: boolean) => void;

const trails = new Set<Trail>();
/** Entries of ours are being taken back: the popstate that tells of it is nobody's press. */
let leaving = false;
/** Those whose dialogs were opened meanwhile. */
const entering = new Set<Trail>();
/** Those whose dialogs have an entry, the uppermost last. */
const dialogs: Trail[] = [];

function hear(): void {
  const ours = leaving;
  const top = dialogs[dialogs.length - 1];
  const moved = [...trails];
  for (const trail of moved) trail.move();
  // A dialog that was opened meanwhile has its entry before its view writes.
  arrive();
  if (!ours && top) top.press();
  for (const trail of moved) trail.tell(ours);
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
  /** Addresses of the page's own entry and of those that the widget has made above it. */
  hrefs = [location.href];
  /** Where among them the page stands. */
  at = 0;
  /** The first entry above the page's own is the dialog's. */
  hasDialog = false;
  /** Where the widget has left the page; the host may have gone on since. */
  left = location.href;
  private isLeaving = false;
  private readonly followers = new Set<Follower>();

  /** `close` is called when «Назад» leads out of the dialog. */
  constructor(private readonly close: () => void) {
    trails.add(this);
    listen();
  }

  /** The dialog opens. One that was opened by an entry of its own, to which somebody came back, has its way back. */
  enter(): void {
    if (leaving) return void entering.add(this);
    const { href } = location;
    if (this.hrefs[this.at] !== href) this.begin(href);
    if (this.at) return;
    ignoreErrors(() => {
      history.pushState(history.state, "");
      this.hrefs = [href, href];
      this.at = 1;
      this.left = href;
      this.hasDialog = true;
      dialogs.push(this);
    });
  }

  /** The dialog closes: takes back what the widget has made of the history, unless the host has gone on. */
  leave(): void {
    const made = this.at;
    entering.delete(this);
    this.forget();
    this.at = 0;
    if (!made) return;
    leaving = this.isLeaving = true;
    // A router that has taken the widget out is in the middle of its own step.
    queueMicrotask(() => {
      if (location.href === this.left) return history.go(-made);
      this.isLeaving = false;
      arrive();
    });
  }

  /** The widget is gone. */
  end(): void {
    this.followers.clear();
    trails.delete(this);
    listen();
  }

  /** Entries are being taken back: the page is between two of them, and nothing may be written. */
  get isBetween(): boolean {
    return leaving;
  }

  /** Calls after each move in the history. */
  follow(follower: Follower): void {
    this.followers.add(follower);
  }

  /** «Назад» was pressed where this dialog is the uppermost: it leads out of it, or one view back. */
  press(): void {
    if (this.at || !this.hasDialog) return;
    this.forget();
    if (this.stepBack) {
      this.stepBack();
      this.enter();
    } else this.close();
  }

  /** The page has moved to another entry. */
  move(): void {
    const { href } = location;
    const { hrefs, at } = this;
    if (this.isLeaving) {
      this.isLeaving = false;
      hrefs[0] = this.left = href;
      return;
    }
    // Where it could be more than one it is the earliest: to count too few steps does no harm.
    const near = [at - 1, at, at + 1].find(one => hrefs[one] === href);
    const found = near === undefined ? hrefs.indexOf(href) : near;
    if (found < 0) return this.begin(href);
    this.at = found;
    this.left = href;
  }

  tell(leaving: boolean): void {
    this.followers.forEach(follower => follower(leaving));
  }

  /** The host has gone on: its entry is the first now. */
  begin(href: string): void {
    this.hrefs = [href];
    this.at = 0;
    this.forget();
  }

  private forget(): void {
    this.hasDialog = false;
    if (dialogs.includes(this)) dialogs.splice(dialogs.indexOf(this), 1);
  }
}
