/**
 * The page's `document` with its own members, whatever stands in the page: an element that is named like one of them
 * would hide it (`<img name=currentScript src=//evil/w/1/>`; HTML, «named properties» of Document). The build gives
 * this to every file that says `document`, those of packages included. Windows need none: theirs cannot be hidden so.
 */

const members = Document.prototype;

const { document: own } = window;

// In place of an empty object: what a script of the page has nailed to its document would bind a proxy of it.
const page = new Proxy({} as Document, {
  get(_, name) {
    const value: unknown = Reflect.get(name in members ? members : own, name, own);
    return typeof value === "function" ? value.bind(own) : value;
  },
  set: (_, name, value) => Reflect.set(own, name, value),
  has: (_, name) => name in own
});

export { page as document };
