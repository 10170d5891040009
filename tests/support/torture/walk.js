// Runs before any script of a host page, and finds what has the focus and what is shown, through shadow roots.
// The page may overwrite everything; what this needs it takes now.
(() => {
  const active = Object.getOwnPropertyDescriptor(Document.prototype, "activeElement").get;
  const activeInRoot = Object.getOwnPropertyDescriptor(ShadowRoot.prototype, "activeElement").get;
  const { attachShadow, matches, getClientRects } = Element.prototype;
  const { hasFocus } = Document.prototype;
  const computed = getComputedStyle.bind(window);
  const roots = new WeakMap();
  const numbers = new WeakMap();
  let last = 0;
  Element.prototype.attachShadow = function (options) {
    const root = attachShadow.call(this, options);
    roots.set(this, root);
    return root;
  };
  const focused = () => {
    let at = active.call(document);
    while (at && roots.get(at) && activeInRoot.call(roots.get(at))) at = activeInRoot.call(roots.get(at));
    return at && hasFocus.call(document) && at.localName !== "iframe" && at !== document.body ? at : null;
  };
  const says = (node, text) => {
    if (node.nodeType === 3) return node.data.includes(text);
    if (
      node.nodeType === 1 &&
      (node.localName === "script" || (!getClientRects.call(node).length && computed(node).display !== "contents"))
    )
      return false;
    const within = root => {
      for (let child = root.firstChild; child; child = child.nextSibling) if (says(child, text)) return true;
      return false;
    };
    return within(node) || (roots.get(node) ? within(roots.get(node)) : false);
  };
  window.__walk = {
    /** The focused element: its number, the index of the first selector it matches, its beginning. Or null. */
    focus(selectors) {
      const at = focused();
      if (!at) return null;
      if (!numbers.has(at)) numbers.set(at, ++last);
      let first = -1;
      for (let i = selectors.length - 1; i >= 0; i--) if (matches.call(at, selectors[i])) first = i;
      return { number: numbers.get(at), first, shown: at.outerHTML.slice(0, 120) };
    },
    /** Whether this text is shown. */
    says: text => says(document.documentElement, text)
  };
})();
