// Runs before any script of a host page and can later say what has changed on it: see host.py.
(() => {
  // The page may overwrite everything; what this needs it takes now.
  const { getOwnPropertyDescriptor: describe, getOwnPropertyNames, getOwnPropertySymbols } = Object;
  const { addEventListener, removeEventListener } = EventTarget.prototype;
  const computed = getComputedStyle.bind(window);
  const ours = "{{OURS}}";
  const matches = Element.prototype.matches;
  const contains = Node.prototype.contains;
  /** A member of the document, also where an element of the page has its name (HTML, named properties of Document). */
  const members = Object.getOwnPropertyDescriptors(Document.prototype);
  const member = name => (members[name].get ? members[name].get.call(document) : members[name].value.bind(document));
  const listeners = new Map();
  const entries = history.length; // those of the pages before

  const inside = node => {
    for (let at = node; at; at = at.parentNode || at.host) if (at.nodeType === 1 && matches.call(at, ours)) return true;
    return false;
  };
  const name = node => {
    if (node === window) return "window";
    if (node === document) return "document";
    const own = node.localName + (node.id ? "#" + node.id : "");
    const parent = node.parentElement;
    return parent ? `${name(parent)} > ${own}:${[...parent.children].indexOf(node) + 1}` : own;
  };
  const hold = (target, type, listener, options, delta) => {
    if (target !== window && target !== document && !(target instanceof Node)) return;
    const capture = typeof options === "boolean" ? options : !!(options && options.capture);
    const of = listeners.get(target) || listeners.set(target, new Map()).get(target);
    const key = type + (capture ? " (capture)" : "");
    const held = of.get(key) || of.set(key, new Set()).get(key);
    if (delta) held.add(listener);
    else held.delete(listener);
  };
  EventTarget.prototype.addEventListener = function (type, listener, options) {
    const target = this || window;
    if (listener && !(options && (options.once || options.signal))) hold(target, type, listener, options, true);
    return addEventListener.call(target, type, listener, options);
  };
  EventTarget.prototype.removeEventListener = function (type, listener, options) {
    const target = this || window;
    hold(target, type, listener, options, false);
    return removeEventListener.call(target, type, listener, options);
  };

  function elements() {
    const found = [];
    const walk = element => {
      if (inside(element)) return;
      found.push(element);
      for (let child = element.firstElementChild; child; child = child.nextElementSibling) walk(child);
    };
    walk(member("documentElement"));
    return found;
  }
  function dom(node, out = [], depth = 0) {
    const pad = " ".repeat(depth);
    if (node.nodeType === 1) {
      const attributes = [...node.attributes].map(({ name, value }) => `${name}=${JSON_stringify(value)}`).sort().join(" ");
      out.push(`${pad}<${node.localName} ${attributes}>`);
      // What is inside ours is ours: the link that gives way to the button, or the element inside the `div`.
      if (!inside(node) && !node.hasAttribute("data-igrajdanin-widget")) for (const child of node.childNodes) dom(child, out, depth + 1);
    } else if (node.nodeType === 3) {
      if (node.data.trim()) out.push(pad + node.data.trim());
    } else if (node.nodeType === 8) out.push(`${pad}<!--${node.data}-->`);
    return out;
  }
  const stringify = JSON.stringify;
  const JSON_stringify = value => typeof value === "string" ? `"${value}"` : stringify(value);

  /** Own properties of the global object, of everything it names, and of the prototypes of that: object → name → what is there. */
  function globals() {
    const all = new Map();
    const look = (path, object) => {
      if (object === null || (typeof object !== "object" && typeof object !== "function") || all.has(object)) return;
      const properties = new Map();
      all.set(object, { path, properties });
      for (const key of [...getOwnPropertyNames(object), ...getOwnPropertySymbols(object)]) {
        const found = describe(object, key);
        properties.set(key, found);
        // One level below the names of the global object: JSON.parse, Array.prototype.map, jQuery.fn.on.
        if (object === window && found && "value" in found && !/^\d+$/.test(String(key)) && found.value !== window) look(String(key), found.value);
        if (key === "prototype" && found) look(`${path}.prototype`, found.value);
      }
    };
    look("window", window);
    return all;
  }
  function styles() {
    const all = new Map();
    for (const element of elements()) {
      for (const pseudo of ["", "::before", "::after"]) {
        const style = computed(element, pseudo || null);
        const values = {};
        for (let i = 0; i < style.length; i++) values[style[i]] = style.getPropertyValue(style[i]);
        all.set(name(element) + pseudo, values);
      }
    }
    return all;
  }
  function handlers() {
    const found = {};
    for (const [owner, object] of [["window", window], ["document", document], ["body", member("body")], ["html", member("documentElement")]]) {
      for (const key in object) if (key.startsWith("on") && object[key]) found[`${owner}.${key}`] = String(object[key]);
    }
    for (const [target, types] of listeners) {
      if (target !== window && target !== document && (!contains.call(document, target) || inside(target))) continue;
      for (const [type, held] of types) if (held.size) found[`${name(target)}: ${type}`] = held.size;
    }
    return found;
  }
  async function browser() {
    const tried = async read => { try { return await read() } catch (error) { return String(error) } };
    const stored = storage => tried(() => Object.keys(storage()).sort());
    return {
      address: location.href, title: member("title"), history: history.length - entries, cookies: await tried(() => member("cookie")),
      scroll: [Math.round(scrollX), Math.round(scrollY)], "window.name": window.name,
      localStorage: await stored(() => localStorage), sessionStorage: await stored(() => sessionStorage),
      databases: await tried(async () => window.indexedDB && indexedDB.databases ? (await indexedDB.databases()).map(one => one.name).sort() : []),
      "service workers": navigator.serviceWorker ? (await navigator.serviceWorker.getRegistrations()).length : 0,
      sheets: member("styleSheets").length, "adopted sheets": (members.adoptedStyleSheets ? member("adoptedStyleSheets") : []).length,
      fields: [...member("querySelectorAll")("input, textarea, select")].filter(field => !inside(field)).map(field => field.value + (field.checked ? " ✓" : "")),
      "height of the page": member("documentElement").scrollHeight, "width of the page": member("documentElement").scrollWidth,
    };
  }

  const taken = [];
  const flat = (of, prefix) => Object.entries(of).map(([key, value]) => [`${prefix} ${key}`, stringify(value)]);
  const same = (a, b) => !!a === !!b && (!a || ["value", "get", "set", "writable", "enumerable", "configurable"].every(part => Object.is(a[part], b[part])));

  window.__host = {
    async take() {
      taken.push({ dom: dom(member("documentElement")), globals: globals(), styles: styles(), rest: new Map([...flat(handlers(), "listener"), ...flat(await browser(), "page")]) });
      return taken.length - 1;
    },
    /** Every difference between two snapshots as one line that names it. */
    compare(first, second) {
      const before = taken[first], after = taken[second], lines = [];
      const texts = (a, b, prefix) => {
        const left = new Set(a), right = new Set(b);
        a.filter(line => !right.has(line)).forEach(line => lines.push(`${prefix} gone: ${line.trim()}`));
        b.filter(line => !left.has(line)).forEach(line => lines.push(`${prefix} new: ${line.trim()}`));
        if (a.length !== b.length && a.every(line => right.has(line)) && b.every(line => left.has(line))) lines.push(`${prefix} repeated or missing lines`);
      };
      texts(before.dom, after.dom, "dom");
      for (const [object, { path, properties }] of after.globals) {
        const old = before.globals.get(object);
        if (!old) continue; // a new object hangs on a new name, and that is told
        for (const key of new Set([...properties.keys(), ...old.properties.keys()])) {
          if (path === "window" && key === "event") continue;
          if (key === "supportedEntryTypes") continue; // WebKit makes it when it is read
          if (!same(old.properties.get(key), properties.get(key))) lines.push(`global ${path}.${String(key)}`);
        }
      }
      for (const [element, values] of after.styles) {
        const old = before.styles.get(element);
        if (old) for (const key in values) if (old[key] !== values[key]) lines.push(`style ${element} ${key}: ${old[key]} → ${values[key]}`);
      }
      for (const key of new Set([...before.rest.keys(), ...after.rest.keys()])) {
        if (before.rest.get(key) !== after.rest.get(key)) lines.push(`${key}: ${before.rest.get(key)} → ${after.rest.get(key)}`);
      }
      return lines;
    },
  };
})();
