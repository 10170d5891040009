/**
 * The page's `document` with its own members, whatever stands in the page: an element that is named like one of them
 * would hide it (`<img name=currentScript src=//evil/w/1/>`; HTML, «named properties» of Document). The build gives this
 * to every file that says `document`, those of packages included. Windows need none: theirs cannot be hidden so.
 */

const members = Document.prototype;

const page = new Proxy(window.document, {
  get(target, name) {
    const value: unknown = Reflect.get(name in members ? members : target, name, target);
    return typeof value === "function" ? value.bind(target) : value;
  },
  set: (target, name, value) => Reflect.set(target, name, value),
});

export { page as document };
