"""Fill a form of a rendered page with values that were sent before.

Working on the rendered page instead of in each template covers every form of the cabinet, future ones included.
"""

from __future__ import annotations

import html
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from selectolax.lexbor import LexborHTMLParser, LexborNode

from widget_api.people.unsent_forms import TECHNICAL_FIELDS, UnsentForm

_TEXT_TYPES = frozenset({"text", "search", "email", "tel", "url", "number", "date", "time"})
_HIDDEN_FIELDS = frozenset({"seen"})  # the state of the page that the decision was based on


def refill_form(page: str, unsent: UnsentForm, translate: Callable[..., str]) -> str:
    """The page with the form filled, a notice that it is not sent yet, and its files.

    Where the page has no such form any more, it shows the values as text.
    """
    tree = LexborHTMLParser(page)
    values: dict[str, list[str]] = defaultdict(list)
    for name, value in unsent.fields:
        if name not in TECHNICAL_FIELDS or name in _HIDDEN_FIELDS:
            values[name].append(value)
    form = _find_form(tree, unsent, values)
    notice = (
        f'<div class="notice warning" id="unsent" role="status"><p>{_escape(translate("cabinet.unsent.notice"))}</p>'
    )
    if form is None:
        texts = "".join(
            f'<p class="prose">{_escape(value)}</p>'
            for name, found in values.items()
            for value in found
            if name not in TECHNICAL_FIELDS and value.strip()
        )
        gone = f"<p>{_escape(translate('cabinet.unsent.no_form'))}</p>"
        _insert_first(tree.css_first("#content"), notice + gone + texts + "</div>")
        return tree.html or page
    for field in _list_fields(tree, form):
        _fill_fields(field, values)
    form.attrs["data-unsent"] = ""
    _insert_first(form, f'<input type="hidden" name="unsent" value="{_escape(unsent.id)}">')
    _list_files(tree, form, unsent, translate)
    if unsent.reason == "session":
        _insert_first(form, notice + "</div>")
    return tree.html or page


def _find_form(tree: LexborHTMLParser, unsent: UnsentForm, values: dict[str, list[str]]) -> LexborNode | None:
    """The form with most of the fields, among equals the one with the same address."""
    wanted = set(values) | {one["field"] for one in unsent.files}

    def fitting(form: LexborNode) -> tuple[int, bool]:
        names = {field.attributes.get("name") for field in _list_fields(tree, form)}
        return len(wanted & names), _path_of(form.attributes.get("action")) == unsent.action

    forms = [one for one in tree.css("form") if (one.attributes.get("method") or "").lower() == "post"]
    best = max(forms, key=fitting, default=None)
    return best if best is not None and any(fitting(best)) else None


def _list_fields(tree: LexborHTMLParser, form: LexborNode) -> list[LexborNode]:
    """The fields of a form, inside it or associated by `form` (HTML, 4.10.17.3)."""
    form_id = form.attributes.get("id")
    found = [
        one for one in form.css("input, textarea, select, button") if one.attributes.get("form") in (None, form_id)
    ]
    inside = {one.mem_id for one in found}
    elsewhere = tree.css(f'[form="{form_id}"]') if form_id else []
    return found + [one for one in elsewhere if one.mem_id not in inside]


def _fill_fields(field: LexborNode, values: dict[str, list[str]]) -> None:
    name, kind = field.attributes.get("name") or "", (field.attributes.get("type") or "text").lower()
    given = values.get(name, [])
    if field.tag == "input" and kind in ("checkbox", "radio"):
        if name not in TECHNICAL_FIELDS and (given or kind == "checkbox"):
            _set_value(field, "checked", (field.attributes.get("value") or "on") in given)
    elif not given:
        return
    elif field.tag == "textarea":
        field.inner_html = _escape(given[-1])
        _open_details(field, given[-1])
    elif field.tag == "select":
        for option in field.css("option"):
            value = option.attributes.get("value")
            _set_value(option, "selected", (option.text() if value is None else value) in given)
    elif field.tag == "input" and (kind in _TEXT_TYPES or name in _HIDDEN_FIELDS):
        field.attrs["value"] = given[-1]
        _open_details(field, given[-1])


def _set_value(field: LexborNode, attribute: str, on: bool) -> None:
    if on:
        field.attrs[attribute] = ""
    elif attribute in field.attributes:
        del field.attrs[attribute]


def _open_details(field: LexborNode, value: str) -> None:
    """Open the folded parts that contain filled fields."""
    above = field.parent
    while above is not None and value.strip():
        if above.tag == "details":
            above.attrs["open"] = ""
        above = above.parent


def _list_files(tree: LexborHTMLParser, form: LexborNode, unsent: UnsentForm, translate: Callable[..., str]) -> None:
    """List the files beside their field, which browsers let no page fill."""
    for field in [one for one in _list_fields(tree, form) if one.attributes.get("type") == "file"]:
        lines = "".join(
            f"<li><span>{_escape(one['name'])}</span> <label>"
            f'<input type="checkbox" name="unsent_leave" value="{place}"> {_escape(translate("form.photos_remove"))}'
            f'<span class="unseen">: {_escape(one["name"])}</span></label></li>'
            for place, one in enumerate(unsent.files)
            if one["field"] == field.attributes.get("name")
        )
        if lines:
            field.insert_before(
                _node(f'<ul class="taken" aria-label="{_escape(translate("cabinet.unsent.files"))}">{lines}</ul>')
            )


def _insert_first(into: LexborNode | None, source: str) -> None:
    if into is None:
        return
    if into.first_child is not None:
        into.first_child.insert_before(_node(source))
    else:
        into.insert_child(_node(source))


def _node(source: str) -> LexborNode:
    body = LexborHTMLParser(source).body
    node = body.first_child if body is not None else None
    assert node is not None, "markup of ours has an element"
    return node


def _path_of(address: Any) -> str:
    return str(address or "").partition("?")[0].partition("#")[0]


def _escape(text: str) -> str:
    return html.escape(text, quote=True)
