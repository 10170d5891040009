/** As shared/document.ts, as far as the loader needs it: it reads. */

const { document: own } = window;
const page = new Proxy({} as Document, {
  get(_, name) {
    const value: unknown = Reflect.get(Document.prototype, name, own);
    return typeof value === "function" ? value.bind(own) : value;
  }
});

export { page as document };
