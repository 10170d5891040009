/** A storage of a browser, as far as the widget uses it. */

export class FakeStorage {
  /** `state`: whether something more can be stored. */
  constructor(
    private readonly items = new Map<string, string>(),
    readonly state = { isFull: false }
  ) {
    // Names of items are properties, as a browser has them.
    return new Proxy(this, {
      ownKeys: () => this.names(),
      getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true })
    });
  }

  get length(): number {
    return this.items.size;
  }
  getItem(name: string): string | null {
    return this.items.get(name) ?? null;
  }
  setItem(name: string, value: string): void {
    if (this.state.isFull) throw new Error("full");
    this.items.set(name, value);
  }
  removeItem(name: string): void {
    this.items.delete(name);
  }
  clear(): void {
    this.items.clear();
  }

  names(): string[] {
    return [...this.items.keys()];
  }
  entries(): [name: string, value: string][] {
    return [...this.items];
  }
  text(): string {
    return [...this.items.values()].join();
  }
  /** What a duplicated tab gets. */
  copy(): FakeStorage {
    return new FakeStorage(new Map(this.items));
  }
}
