// Finds what a person would point at, also inside open shadow roots: (kind, name) → where its middle is, or null.
// kind: "button" and "link" by their text, "field" by the beginning of its label, "text" by a CSS selector.
(kind, name) => {
  const all = [];
  const walk = root => root.querySelectorAll("*").forEach(element => {
    all.push(element);
    if (element.shadowRoot) walk(element.shadowRoot);
  });
  walk(document);
  const seen = element => element.getClientRects().length > 0 && getComputedStyle(element).visibility === "visible";
  const text = element => (element.getAttribute("aria-label") || element.textContent).replace(/\s+/g, " ").trim();
  let found;
  if (kind === "field") {
    const label = all.find(element => element.localName === "label" && seen(element) && text(element).startsWith(name));
    const field = label && (label.control || label.querySelector("input, textarea, select"));
    // A picture may stand for the box or circle itself: then people point at the label.
    found = field && (["radio", "checkbox"].includes(field.type) ? label : field);
    if (found && found.localName === "label" && found.querySelector("a")) found = field;
  } else if (kind === "text") found = all.find(element => element.matches(name) && seen(element));
  else {
    const tag = { button: "button", link: "a" }[kind];
    found = all.find(element => element.localName === tag && seen(element) && !element.disabled && text(element) === name);
  }
  if (!found) return null;
  found.scrollIntoView({ block: "center", inline: "nearest" });
  const { left, top, width, height } = found.getBoundingClientRect();
  return { x: Math.round(left + width / 2), y: Math.round(top + height / 2), text: found.innerText, value: found.value,
    checked: (found.control || found).checked };
}
