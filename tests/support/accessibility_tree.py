"""Render the browser's accessibility tree as text, in the order in which a screen reader reads it.

One line per object: role, "name", states and, after a dash, its description. Texts that only repeat the name of the
object that contains them are left out, as screen readers leave them out.
"""

import re
from typing import Any

from playwright.sync_api import CDPSession

SILENT = {"none", "generic", "strong", "InlineTextBox", "RootWebArea", "ListMarker", "LineBreak"}
# Their text is the accessible name of the labelled element, where it is reported.
LABELS = {"LabelText", "Legend"}
STATES = ("checked", "disabled", "expanded", "focused", "invalid", "required", "selected", "readonly", "busy", "modal")
# Parts that the browser draws inside a control are in the browser's language.
DRAWN_BY_BROWSER = {"DateTime", "MenuListPopup"}


def tree(session: CDPSession) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = session.send("Accessibility.getFullAXTree")["nodes"]
    return nodes


def _text(node: dict[str, Any], name: str) -> str:
    return re.sub(r"\s+", " ", str(node.get(name, {}).get("value", ""))).strip()


def _states(properties: dict[str, Any]) -> str:
    on = [name for name in STATES if str(properties.get(name, "false")).lower() not in ("false", "")]
    # A toggle button reports both states.
    if (pressed := properties.get("pressed")) is not None:
        on.append("pressed" if str(pressed).lower() == "true" else "not pressed")
    live = properties.get("live")
    return "".join(f" [{name}]" for name in [*on, *([live] if live in ("polite", "assertive") else [])])


def _line(node: dict[str, Any], role: str, name: str) -> str:
    properties = {one["name"]: one["value"].get("value") for one in node.get("properties", [])}
    level = f" {properties['level']}" if role == "heading" else ""
    line = role + level + (f' "{name}"' if name else "")
    value, description = _text(node, "value"), _text(node, "description")
    if value and value != name:
        line += f" = {value}"
    line += _states(properties)
    return line + (f" — {description}" if description and description != name else "")


def accessibility_text(session: CDPSession) -> str:
    """An open dialog comes first, since the page behind it is inert. Dates are stable if the page's clock is fixed."""
    nodes = {node["nodeId"]: node for node in tree(session)}
    root = next(node for node in nodes.values() if "parentId" not in node)
    lines: list[str] = []

    def visit(node: dict[str, Any], depth: int, announced: str) -> None:
        """`announced`: the text already read out for the ancestors of this object."""
        role, name = _text(node, "role"), _text(node, "name")
        if role in LABELS:
            announced += name + "".join(_text(nodes[child], "name") for child in _below(node, nodes))
        elif role == "StaticText":
            if name and name not in announced:
                lines.append("  " * depth + f'"{name}"')
            return
        elif not node.get("ignored") and role not in SILENT:
            lines.append("  " * depth + _line(node, role, name))
            announced, depth = f"{name} {_text(node, 'value')}", depth + 1
            if role in DRAWN_BY_BROWSER:
                return
        for child in node.get("childIds", []):
            if child in nodes:
                visit(nodes[child], depth, announced)

    visit(root, 0, "")
    return "\n".join(lines) + "\n"


def _below(node: dict[str, Any], nodes: dict[str, Any]) -> list[str]:
    """All descendants of an object, in document order."""
    found = [child for child in node.get("childIds", []) if child in nodes]
    return [one for child in found for one in [child, *_below(nodes[child], nodes)]]
