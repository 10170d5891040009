"""Count what a page holds, and let widgets come and go in it."""

from typing import Any

from playwright.sync_api import CDPSession

# Attributes of a widget, and the element that shows that it is usable once it has been opened.
BUTTON = ({"type": "extended"}, "button")
FORM = ({"type": "basic"}, "form")
CITY = ({"type": "extended", "view": "inline"}, ".card")
PROBLEM = ({"type": "extended"}, ".timeline")
# An application that repeatedly shows a widget, opens it, waits until it is usable, closes it and navigates away. Where
# a problem is awaited it presses the first card of the list.
MOUNT_AND_REMOVE = """async ([key, ways, times]) => {
  const frame = () => new Promise(requestAnimationFrame);
  for (let time = 0; time < times; time++) {
    const [attributes, usable] = ways[time % ways.length];
    const widget = document.createElement("igrajdanin-widget");
    widget.setAttribute("site-key", key);
    for (const name in attributes) widget.setAttribute(name, attributes[name]);
    document.querySelector("main").append(widget);
    if (usable !== "button") igrajdanin("open", widget);
    const root = widget.shadowRoot;
    for (let pressed; !root.querySelector(usable); await frame()) {
      const card = usable === ".timeline" && !pressed && root.querySelector(".card");
      if (card) pressed = card.click() || true;
    }
    igrajdanin("close", widget);
    await frame();
    widget.remove();
    await frame();
  }
}"""


def count_objects(session: CDPSession) -> dict[str, int]:
    """Nodes, detached ones included, and listeners of the page after a full garbage collection."""
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
    counters: dict[str, Any] = session.send("Memory.getDOMCounters")
    return {"nodes": counters["nodes"], "listeners": counters["jsEventListeners"]}
