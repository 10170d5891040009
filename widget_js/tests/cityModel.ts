/**
 * What the city's problems promise, as plain data: what the list holds, what is asked of the service and when, what the
 * page's address says. What takes promises in the widget happens here at once.
 */

/** Milliseconds: between two looks at what is shown, unseen, at most; an answer is waited for; a text rests. */
const LOOKED_AT = 5_000,
  HIDDEN = 60_000,
  SLOWEST = 120_000,
  READING = 15_000,
  REST = 400;
/** Problems that an answer holds; answers that follow a pointer's press as one scrolls. */
const PAGE = 4;
const FOLLOWING = 2;

export interface Filters {
  status: string;
  overdue: string;
  q: string;
}
export interface Item {
  number: number;
  status: string;
  overdue: boolean;
  text: string;
  supporters: number;
}
interface Page {
  items: Item[];
  next: string | null;
}
export interface Pending {
  path: string;
  due: number;
  of: Loaded | null;
  chain?: Chain | undefined;
  /** Asked for by a press: those who press again, or look meanwhile, wait for the same answer. */
  waiters?: ((page: unknown) => void)[] | undefined;
  settle(body: unknown): void;
}
/** One after another, questions about what is shown. */
interface Chain {
  due: number;
  failures: number;
  isAsking: boolean;
}

const query = (filters: Filters): string => {
  const made = new URLSearchParams();
  for (const name of ["status", "overdue", "q"] as const) if (filters[name]) made.set(name, filters[name]);
  return String(made);
};
const equal = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);

/** The service: what it has, and what it answers. */
export class Service {
  items: Item[] = [];
  answer(path: string): unknown {
    const found = this.find(path);
    return found && JSON.parse(JSON.stringify(found));
  }
  private find(path: string): unknown {
    const [name, text] = path.split("?");
    if (name === "/stats") return { total: this.items.length };
    if (name !== "/problems") return this.items.find(one => one.number === +name!.split("/")[2]!);
    const asked = new URLSearchParams(text);
    const statuses = (asked.get("status") || "").split(",");
    const found = this.items.filter(
      ({ status, overdue, text }) =>
        (!statuses[0] || statuses.includes({ accepted: "new", resolved: "done" }[status]!)) &&
        (!asked.get("overdue") || overdue) &&
        text.includes(asked.get("q") || "")
    );
    // A cursor is whatever the service likes: it names the last problem of the page before.
    const from = (asked.get("cursor") || "").split("&+")[1];
    const rest = from ? found.filter(({ number }) => number < +from) : found;
    const items = rest.slice(0, PAGE);
    return { items, next: rest.length > PAGE ? `c&+${items[PAGE - 1]!.number}` : null };
  }
}

/** What is loaded from a path, and followed. */
class Loaded<T = unknown> {
  data: T | null = null;
  of: string | null = null;
  error: { status: number } | null = null;
  changes = 0;
  inView = true;
  chain: Chain | undefined;
  constructor(
    readonly city: City,
    public path: string
  ) {
    this.ask();
  }
  ask(chain?: Chain, then: (page: T | false) => void = () => undefined): void {
    const { city, path } = this;
    this.stop();
    city.ask(path, this as never, chain, body => {
      const isGood = !!body && (body as { status?: number }).status !== 404;
      if (chain) this.plan(chain, isGood);
      if (!isGood) {
        this.error = { status: body ? 404 : 0 };
        return then(false);
      }
      const isAgain = this.of === path;
      const isEqual = isAgain && equal(this.data, body);
      Object.assign(this, { data: body, of: path, error: null, changes: this.changes + +(isAgain && !isEqual) });
      then(body as T);
    });
  }
  retry(): void {
    this.error = null;
    this.ask();
    this.city.draw(); // nothing that is shown is followed until the answer comes
  }
  /** What was asked before is waited for no more. */
  stop(): void {
    const { asked } = this.city;
    const before = asked.find(one => one.of === (this as never));
    if (!before) return;
    asked.splice(asked.indexOf(before), 1);
    if (before.chain) this.plan(before.chain, true);
    for (const then of before.waiters || []) then(undefined);
  }
  /** Asks by a press; `then` hears the answer, false after a failure, undefined where it is waited for no more. */
  renew(then: (page: T | false | undefined) => void): void {
    const before = this.city.asked.find(one => one.of === (this as never) && one.waiters);
    if (before) return void before.waiters!.push(then as never);
    const waiters = [then];
    this.error = null;
    this.ask(undefined, page => waiters.forEach(one => one(page)));
    this.city.asked[this.city.asked.length - 1]!.waiters = waiters as never;
  }
  turn(path: string): void {
    if (path === this.path) return;
    this.stop();
    this.path = path;
    this.error = null;
    this.ask();
  }
  follow(isWanted: boolean): void {
    const { city } = this;
    const follows = isWanted && city.isVisible && (city.isOpen || this.inView) && !!(this.of !== null || this.error);
    if (!follows) this.chain = undefined;
    else if (!this.chain) this.plan((this.chain = { due: 0, failures: -1, isAsking: false }), true);
  }
  look(): void {
    const { chain } = this;
    if (!chain || chain.isAsking) return;
    Object.assign(chain, { isAsking: true, due: Infinity });
    const before = this.city.asked.find(one => one.of === (this as never) && one.waiters);
    if (before) before.waiters!.push(() => this.plan(chain, true));
    else this.ask(chain);
  }
  private plan(chain: Chain, isGood: boolean): void {
    chain.isAsking = false;
    chain.failures = isGood ? 0 : chain.failures + 1;
    chain.due = this.city.time + (this.city.isHidden ? HIDDEN : Math.min(LOOKED_AT * 2 ** chain.failures, SLOWEST));
  }
}

export class City {
  filters: Filters = { status: "", overdue: "", q: "" };
  problem = 0;
  /** Hashes of the page's history, from the entry on with which it came. */
  entries = [""];
  at = 0;
  isHidden = false;
  isOnline = true;
  isPaused = false;
  readonly isVisible = true;
  readonly isOpen = false;
  asked: Pending[] = [];
  /** What is typed, and when it is searched for. */
  typed = "";
  search: { due: number; text: string } | undefined;
  list = { items: [] as Item[], next: null as string | null, of: null as string | null, fresh: 0, moved: false };
  /** What was asked for and did not come. */
  failure: "" | "again" | "more" = "";
  isBusy = false;
  eager = 0;
  hasTurned = false;
  /** What the focus has come to; undefined: where it was. */
  focus: string | undefined;
  private firstOf: string | null = null;
  private first: Loaded<Page>;
  private stats: Loaded;
  opened: Loaded<Item> | undefined;
  private version = 0;

  constructor(
    public time: number,
    readonly service: Service
  ) {
    this.stats = new Loaded(this, "/stats?lang=ru");
    this.first = new Loaded<Page>(this, "/problems?");
  }

  ask(path: string, of: Loaded | null, chain: Chain | undefined, settle: (body: unknown) => void): void {
    this.asked.push({ path, of, chain, settle, due: this.time + READING });
  }
  /** `body`: undefined where none came. */
  settle(pending: Pending, body?: unknown): void {
    this.asked.splice(this.asked.indexOf(pending), 1);
    pending.settle(body);
    this.draw();
  }
  pass(milliseconds: number): void {
    const end = this.time + milliseconds;
    for (;;) {
      const works: [number, () => void][] = this.asked.map(one => [one.due, () => this.settle(one)]);
      const { search } = this;
      if (search)
        works.push([
          search.due,
          () => {
            this.search = undefined;
            this.choose({ q: search.text.trim() }, true);
          }
        ]);
      for (const one of [this.first, this.opened]) if (one && one.chain) works.push([one.chain.due, () => one.look()]);
      const [next] = works.filter(([due]) => due <= end).sort(([one], [other]) => one - other);
      if (!next) break;
      this.time = Math.max(this.time, next[0]);
      next[1]();
      this.draw();
    }
    this.time = end;
  }

  // --- the address ---

  get hash(): string {
    const text = [query(this.filters), this.problem && "problem=" + this.problem].filter(Boolean).join("&");
    return text && "#igrajdanin?" + text;
  }
  private write(isStep: boolean): void {
    const { hash } = this;
    if (hash === this.entries[this.at]) return;
    if (isStep) this.entries.splice(++this.at);
    this.entries[this.at] = hash;
  }
  walk(by: number): void {
    if (this.entries[this.at + by] === undefined) return;
    this.at += by;
    const given = new URLSearchParams(this.entries[this.at]!.split("?")[1] || "");
    const [status, overdue, q] = ["status", "overdue", "q"].map(name => given.get(name) || "") as [
      string,
      string,
      string
    ];
    const was = this.filters.q;
    this.filters = { status, overdue, q };
    if (was !== q && q !== this.typed.trim()) this.typed = q;
    this.show(+(given.get("problem") || 0));
  }

  // --- what somebody does ---

  choose(change: Partial<Filters>, isTyped = false): void {
    const { q } = this.filters;
    this.filters = { ...this.filters, ...change };
    if (this.filters.q !== q && this.filters.q !== this.typed.trim()) this.typed = this.filters.q;
    this.write(!isTyped);
    this.draw();
  }
  /** `isWhole`: the text that is not yet searched for goes too. */
  reset(isWhole: boolean): void {
    if (isWhole) {
      this.typed = "";
      this.search = undefined;
    }
    this.choose({ status: "", overdue: "", q: "" });
    this.focus = "q";
  }
  type(text: string, rest = REST): void {
    this.typed = text;
    this.search = { due: this.time + rest, text };
  }
  open(number: number): void {
    this.problem = number;
    this.write(true);
    this.show(number);
  }
  close(): void {
    const before = this.problem;
    this.problem = 0;
    // The way back holds no view twice.
    if (this.at && this.entries[this.at - 1] === this.hash) this.at--;
    else this.write(false);
    this.problem = before;
    this.show(0);
  }
  private show(number: number): void {
    const before = this.problem;
    this.problem = number;
    if (this.opened && number !== before) {
      this.opened.stop();
      this.opened = undefined;
    }
    if (number && !this.opened) {
      this.opened = new Loaded(this, "/problems/" + number);
      this.focus = "opened";
    }
    if (!number && before)
      this.focus = this.list.items.some(one => one.number === before) ? "problem-" + before : "title";
    this.draw();
  }
  /** `then`: what follows where it has come. */
  again(then: () => void = () => undefined): void {
    const { question } = this;
    this.failure = "";
    this.first.renew(page => {
      if (this.question !== question) return;
      if (page) {
        this.taken = page;
        this.begin(page);
        then();
      } else if (page === false) this.failure = "again";
    });
    this.draw();
  }
  showNews(): void {
    this.again(() => this.readOn(0));
  }
  retry(): void {
    if (this.isWaiting || this.failure === "again") this.again();
    else this.more();
  }
  press(detail: number): void {
    this.eager = detail && FOLLOWING;
    const last = this.list.items.length;
    this.more(() => this.readOn(last));
  }
  scroll(): void {
    if (!this.eager || this.failed || this.isBusy || !this.list.next || this.problem || !this.list.items.length) return;
    this.eager--;
    this.more();
  }
  private readOn(at: number): void {
    const first = this.list.items[at];
    if (first && !this.problem) this.focus = "problem-" + first.number;
  }
  more(then: () => void = () => undefined): void {
    const { question, list } = this;
    if (this.isBusy || !list.next || list.of !== question) return then();
    this.isBusy = true;
    this.failure = "";
    this.ask(`/problems?${question}&cursor=${encodeURIComponent(list.next)}`, null, undefined, body => {
      this.isBusy = false;
      const page = body as Page | undefined;
      if (this.question === question) {
        if (page) {
          const known = this.list.items.map(({ number }) => number);
          this.list.items = [...this.list.items, ...page.items.filter(({ number }) => !known.includes(number))];
          this.list.next = page.next;
        } else this.failure = "more";
      }
      then();
    });
    this.draw();
  }
  pause(): void {
    this.isPaused = !this.isPaused;
    this.draw();
  }
  hide(isHidden: boolean): void {
    this.isHidden = isHidden;
    if (!isHidden) for (const one of [this.first, this.opened]) if (one) one.look();
  }
  see(isSeen: boolean): void {
    for (const one of [this.first, this.opened]) if (one) one.inView = isSeen;
    this.draw();
  }

  // --- what follows ---

  get question(): string {
    return query(this.filters);
  }
  get failed(): boolean {
    return !!this.failure || (!!this.first.error && this.first.of !== "/problems?" + this.question);
  }
  private begin({ items, next }: Page): void {
    this.list = { items, next, of: this.question, fresh: 0, moved: false };
    this.firstOf ??= this.question;
  }
  draw(): void {
    const path = "/problems?" + this.question;
    if (this.first.path !== path) this.failure = "";
    this.first.turn(path);
    const { data, of } = this.first;
    if (data && of === path && data !== this.taken) {
      this.taken = data;
      if (this.list.of !== this.question) this.begin(data);
      else {
        const numbers = data.items.map(({ number }) => number);
        const known = this.list.items.map(({ number }) => number);
        const fresh = numbers.filter(number => !known.includes(number)).length;
        const isGone = known.slice(0, numbers.length).some(number => !numbers.includes(number));
        this.list = {
          ...this.list,
          items: this.list.items.map(one => data.items.find(({ number }) => number === one.number) || one),
          fresh,
          moved: fresh > 0 || isGone
        };
      }
    }
    if (this.firstOf !== null && (this.list.of !== this.firstOf || this.question)) this.hasTurned = true;
    if (this.question) this.hasTurned = true;
    this.first.follow(!this.problem && !this.isPaused && this.list.of === this.question);
    if (this.opened) this.opened.follow(true);
    if (this.first.changes !== this.version) {
      this.version = this.first.changes;
      this.stats.ask();
    }
  }
  private taken: Page | undefined;

  /** Back on line, what failed is asked for; off line too, to say so. */
  connect(isOnline: boolean): void {
    this.isOnline = isOnline;
    if (this.failed) this.retry();
    if (isOnline) for (const one of [this.first, this.stats, this.opened]) if (one && one.error) one.retry();
    this.draw();
  }
  get isWaiting(): boolean {
    return this.list.of !== this.question;
  }
}
