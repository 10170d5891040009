/**
 * The entries that a widget makes in the page's history. This module and steps.ts alone write to it.
 *
 * An open dialog has one, with the address and the state of the page, so that «Назад» closes the dialog and does not
 * leave the page: browsers with close watchers (HTML, «close requests») tell the dialog of a phone's button, but not of
 * that of a desk. Views make further entries above it, each with a hash of ours (steps.ts). Closing takes all of them
 * back, unless the host has gone on meanwhile.
 *
 * Several entries may have one address: the Navigation API tells them apart by their keys. Where it is missing (before
 * Chrome 102, Firefox 147, Safari 26.2) the trail rather counts a step too few, which leaves one of ours behind, than
 * one too many, which would lead out of the page.
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
  /** The page's own entry, and those that the widget has made above it (`here`). */
  entries = [this.here];
  /** Where among them the page stands. */
  at = 0;
  /** The first entry above the page's own is the dialog's. */
  hasDialog = false;
  private isLeaving = false;
  private readonly followers = new Set<Follower>();

  /** `close` is called when «Назад» leads out of the dialog. */
  constructor(private readonly close: () => void) {
    trails.add(this);
    listen();
  }

  /** The entry that the page stands at: its address and its key. A page may have another `navigation`. */
  get here(): string {
    return location.href + " " + ignoreErrors(() => navigation.currentEntry!.key);
  }

  /** The host has not gone on since. Without keys: nor may it be a later entry of the same address. */
  get isHere(): boolean {
    return this.entries.lastIndexOf(this.here) === this.at;
  }

  /** The dialog opens. One that was opened by an entry of its own, to which somebody came back, has its way back. */
  enter(): void {
    if (leaving) return void entering.add(this);
    if (!this.isHere) this.begin();
    ignoreErrors(() => {
      if (!this.at) {
        history.pushState(history.state, "");
        this.entries = [this.entries[0]!, this.here];
        this.at = 1;
      }
      this.hasDialog = true;
      dialogs.push(this);
    });
  }

  /** The dialog closes: takes back what the widget has made of the history, unless the host has gone on. */
  leave(): void {
    const { at, entries } = this;
    entering.delete(this);
    this.forget();
    this.at = 0;
    if (!at) return;
    leaving = this.isLeaving = true;
    // A router that has taken the widget out is in the middle of its own step.
    queueMicrotask(() => {
      if (entries.lastIndexOf(this.here) === at) return history.go(-at);
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
    const { at, entries, here } = this;
    if (this.isLeaving) {
      this.isLeaving = false;
      entries[0] = here;
      return;
    }
    // Without keys the one before is the likeliest, then the earliest.
    const found = entries[at - 1] === here ? at - 1 : entries.indexOf(here);
    if (found < 0) this.begin();
    else this.at = found;
  }

  tell(leaving: boolean): void {
    this.followers.forEach(follower => follower(leaving));
  }

  /** The host has gone on: its entry is the first now. */
  begin(): void {
    this.entries = [this.here];
    this.at = 0;
    this.forget();
  }

  private forget(): void {
    this.hasDialog = false;
    if (dialogs.includes(this)) dialogs.splice(dialogs.indexOf(this), 1);
  }
}
