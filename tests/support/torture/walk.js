// Runs before any script of a host page, and finds what has the focus and what is shown, through shadow roots.
// The page may overwrite everything; what this needs it takes now.
(() => {
  const active = Object.getOwnPropertyDescriptor(Document.prototype, "activeElement").get;
  const root = Object.getOwnPropertyDescriptor(Document.prototype, "documentElement").get;
  const body = Object.getOwnPropertyDescriptor(Document.prototype, "body").get;
  const state = Object.getOwnPropertyDescriptor(Document.prototype, "readyState").get;
  const activeInRoot = Object.getOwnPropertyDescriptor(ShadowRoot.prototype, "activeElement").get;
  const entries = performance.getEntriesByType.bind(performance);
  const { attachShadow, matches, getAnimations, getClientRects, getBoundingClientRect, scrollIntoView } =
    Element.prototype;
  const { contains } = Node.prototype;
  const { elementFromPoint } = Document.prototype;
  const elementFromPointInRoot = ShadowRoot.prototype.elementFromPoint;
  const { hasFocus } = Document.prototype;
  const computed = getComputedStyle.bind(window);
  const frame = requestAnimationFrame.bind(window);
  const Wait = Promise;
  const openRoot = Object.getOwnPropertyDescriptor(Element.prototype, "shadowRoot").get;
  const roots = new WeakMap();
  // WebKit runs this after the page's own scripts, which may have made open roots by then.
  const rootOf = element => roots.get(element) || openRoot.call(element);
  const numbers = new WeakMap();
  let last = 0;
  Element.prototype.attachShadow = function (options) {
    const root = attachShadow.call(this, options);
    roots.set(this, root);
    return root;
  };
  const focused = () => {
    let at = active.call(document);
    while (at && rootOf(at) && activeInRoot.call(rootOf(at))) at = activeInRoot.call(rootOf(at));
    return at && hasFocus.call(document) && at !== body.call(document) && at !== root.call(document) ? at : null;
  };
  const hit = (x, y) => {
    let found = elementFromPoint.call(document, x, y);
    for (let within = found && rootOf(found); within; within = rootOf(found)) {
      const inner = elementFromPointInRoot.call(within, x, y);
      if (!inner || inner === found) break;
      found = inner;
    }
    return found;
  };
  /** Why nobody sees this element or can point at it; empty: it is seen. */
  const hidden = element => {
    // A picture or a label stands for these.
    if (["radio", "checkbox", "file"].includes(element.type)) return "";
    const { left, top, right, bottom } = getBoundingClientRect.call(element);
    const [x1, y1, x2, y2] = [
      Math.max(left, 0),
      Math.max(top, 0),
      Math.min(right, innerWidth),
      Math.min(bottom, innerHeight)
    ];
    if (x2 - x1 < 8 || y2 - y1 < 8)
      return `${Math.round(x2 - x1)} × ${Math.round(y2 - y1)} pixels of it are in the viewport`;
    if (element.localName !== "iframe") {
      const { fontSize, textIndent, color, opacity, visibility } = computed(element);
      if (parseFloat(fontSize) < 8 || Math.abs(parseFloat(textIndent)) > 99)
        return `font ${fontSize}, indent ${textIndent}`;
      if (/^rgba.*, 0\)$/.test(color) || +opacity < 0.1 || visibility !== "visible")
        return `${color}, ${opacity}, ${visibility}`;
    }
    const at = hit((x1 + x2) / 2, (y1 + y2) / 2);
    return at && contains.call(element, at) ? "" : `in its middle is ${at ? at.outerHTML.slice(0, 60) : "nothing"}`;
  };
  const says = (node, text) => {
    if (node.nodeType === 3) return node.data.includes(text);
    if (
      node.nodeType === 1 &&
      (node.localName === "script" || (!getClientRects.call(node).length && computed(node).display !== "contents"))
    )
      return false;
    const within = parent => {
      for (let child = parent.firstChild; child; child = child.nextSibling) if (says(child, text)) return true;
      return false;
    };
    return within(node) || (node.nodeType === 1 && rootOf(node) ? within(rootOf(node)) : false);
  };
  window.__walk = {
    /** The focused element: its number, the index of the first selector it matches, why it is hidden. Or null. */
    focus(selectors) {
      const at = focused();
      if (!at) return null;
      if (!numbers.has(at)) numbers.set(at, ++last);
      let first = -1;
      for (let i = selectors.length - 1; i >= 0; i--) if (matches.call(at, selectors[i])) first = i;
      return {
        number: numbers.get(at),
        first,
        hidden: hidden(at),
        frame: at.localName === "iframe",
        shown: at.outerHTML.slice(0, 120)
      };
    },
    /** Wait until the focused element has its size, which may grow, and the page scrolls no more. */
    async rest() {
      for (const animation of getAnimations.call(focused())) await animation.finished;
      // It may have grown out of the window, into which its next focus would bring it.
      scrollIntoView.call(focused(), { block: "nearest" });
      // At the end of a smooth scroll a pixel takes several frames.
      for (let at = NaN, still = 0; still < 12; still++) {
        if (at !== scrollY) still = 0;
        at = scrollY;
        await new Wait(done => frame(done));
      }
    },
    /** Whether the page's own scripts have run, those that wait for the whole page too, but for slow `async` ones. */
    isParsed: () => entries("navigation")[0].domContentLoadedEventEnd > 0,
    isLoaded: () => state.call(document) === "complete",
    /** Whether this text is shown. */
    says: text => says(root.call(document), text)
  };
})();
