// What a person cannot see or reach in the widget as it stands, one line each.
() => {
  const lines = [];
  const host = document.querySelector("igrajdanin-widget"), root = host.shadowRoot;
  // What stands over all the rest is what there is to see.
  const sheet = root.querySelector("dialog dialog[open]") || root.querySelector(".sheet");
  const name = one => `${one.localName}${one.id ? "#" + one.id : ""}.${String(one.className.baseVal ?? one.className)} «${one.textContent.trim().slice(0, 40)}»`;
  const shown = one => one.checkVisibility() && !one.closest(".away, .map, svg, [hidden]");
  if (!sheet) return lines;
  if (sheet.scrollWidth > sheet.clientWidth) lines.push(`scrolls sideways by ${sheet.scrollWidth - sheet.clientWidth}`);
  if (document.documentElement.scrollWidth > innerWidth) lines.push("the page scrolls sideways");
  const frame = sheet.getBoundingClientRect();
  for (const one of sheet.querySelectorAll("*")) {
    if (!shown(one)) continue;
    const style = getComputedStyle(one), box = one.getBoundingClientRect();
    // Only what is cut off counts: fields scroll, and a card's title is short on purpose.
    const clips = style.overflowX !== "visible" && !one.matches("input, textarea, select, progress, .card-title, .pick, .picture");
    if (clips && (one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1)) lines.push(`cut off: ${name(one)}`);
    if (box.width && (box.left < frame.left - 1 || box.right > frame.right + 1)) lines.push(`sticks out: ${name(one)}`);
  }
  const controls = sheet.querySelectorAll("a[href], button, input, select, textarea");
  for (const one of controls) {
    if (!one.checkVisibility() || one.disabled) continue;
    const target = one.closest("label.choice, label.tick, label.pick") ?? one;
    target.scrollIntoView({ block: "center" });
    // A link that skips is there for those who come to it by keys.
    const before = root.activeElement, skip = one.matches(".skip");
    if (skip) one.focus({ preventScroll: true });
    const box = target.getBoundingClientRect();
    const top = root.elementFromPoint(box.left + Math.min(box.width, 24) / 2, box.top + box.height / 2);
    if (skip) before ? before.focus({ preventScroll: true }) : one.blur();
    // The card over the map can be closed, and the marks move with the ground.
    const covered = top && top.closest(".preview") && one.closest(".map");
    if (!top || !(target.contains(top) || top.contains(target) || covered)) lines.push(`cannot be reached: ${name(one)} under ${top && name(top)}`);
    // WCAG 2.5.8 asks 24 px, except of links within a sentence; controls of ours have 44.
    const within = one.localName === "a" && !one.matches(".button, .card");
    const least = within ? 0 : one.matches(".link, .pin") || target === one && one.matches("[type=checkbox], [type=radio]") ? 24 : 44;
    if (box.height < least - 0.5 || box.width < Math.min(least, 24) - 0.5) lines.push(`too small: ${Math.round(box.width)} × ${Math.round(box.height)} ${name(one)}`);
    target.scrollIntoView({ block: "nearest" });
  }
  sheet.scrollTop = 0;
  return lines;
}
