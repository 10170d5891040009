"""Fill a form of a finished page with values that were sent before.

Done on the page instead of in each template, so that every form of the cabinet has it, those yet to be written too.
"""

from __future__ import annotations

import html
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from selectolax.lexbor import LexborHTMLParser, LexborNode

from widget_api.cabinet.unsent_forms_service import MACHINERY, Unsent

_TYPED = frozenset({"text", "search", "email", "tel", "url", "number", "date", "time"})
_KEPT_HIDDEN = frozenset({"seen"})  # what the writer had seen when deciding


def refill(page: str, unsent: Unsent, translate: Callable[..., str]) -> str:
    """The page with the form filled, a word that it is not sent yet, and the files that came with it.

    A page that has no such form any more shows what was written as text.
    """
    tree = LexborHTMLParser(page)
    values: dict[str, list[str]] = defaultdict(list)
    for name, value in unsent.fields:
        if name not in MACHINERY or name in _KEPT_HIDDEN:
            values[name].append(value)
    form = _form_of(tree, unsent, values)
    notice = f'<div class="notice warning" id="unsent" role="status"><p>{_safe(translate("cabinet.unsent.notice"))}</p>'
    if form is None:
        texts = "".join(
            f'<p class="prose">{_safe(value)}</p>'
            for name, found in values.items()
            for value in found
            if name not in MACHINERY and value.strip()
        )
        gone = f"<p>{_safe(translate('cabinet.unsent.no_form'))}</p>"
        _insert_first(tree.css_first("#content"), notice + gone + texts + "</div>")
        return tree.html or page
    for field in _fields(tree, form):
        _fill(field, values)
    form.attrs["data-unsent"] = ""
    _insert_first(form, f'<input type="hidden" name="unsent" value="{_safe(unsent.id)}">')
    _list_files(tree, form, unsent, translate)
    if unsent.reason == "session":
        _insert_first(form, notice + "</div>")
    return tree.html or page


def _form_of(tree: LexborHTMLParser, unsent: Unsent, values: dict[str, list[str]]) -> LexborNode | None:
    """The form that has most of the fields; among equals the one for the same address."""
    wanted = set(values) | {one["field"] for one in unsent.files}

    def fitting(form: LexborNode) -> tuple[int, bool]:
        names = {field.attributes.get("name") for field in _fields(tree, form)}
        return len(wanted & names), _path(form.attributes.get("action")) == unsent.action

    forms = [one for one in tree.css("form") if (one.attributes.get("method") or "").lower() == "post"]
    best = max(forms, key=fitting, default=None)
    return best if best is not None and any(fitting(best)) else None


def _fields(tree: LexborHTMLParser, form: LexborNode) -> list[LexborNode]:
    """Those inside the form that name no other, and those elsewhere that name this one (HTML, 4.10.17.3)."""
    form_id = form.attributes.get("id")
    found = [
        one for one in form.css("input, textarea, select, button") if one.attributes.get("form") in (None, form_id)
    ]
    inside = {one.mem_id for one in found}
    elsewhere = tree.css(f'[form="{form_id}"]') if form_id else []
    return found + [one for one in elsewhere if one.mem_id not in inside]


def _fill(field: LexborNode, values: dict[str, list[str]]) -> None:
    name, kind = field.attributes.get("name") or "", (field.attributes.get("type") or "text").lower()
    given = values.get(name, [])
    if field.tag == "input" and kind in ("checkbox", "radio"):
        if name not in MACHINERY and (given or kind == "checkbox"):
            _set(field, "checked", (field.attributes.get("value") or "on") in given)
    elif not given:
        return
    elif field.tag == "textarea":
        field.inner_html = _safe(given[-1])
        _open_folds(field, given[-1])
    elif field.tag == "select":
        for option in field.css("option"):
            value = option.attributes.get("value")
            _set(option, "selected", (option.text() if value is None else value) in given)
    elif field.tag == "input" and (kind in _TYPED or name in _KEPT_HIDDEN):
        field.attrs["value"] = given[-1]
        _open_folds(field, given[-1])


def _set(field: LexborNode, attribute: str, on: bool) -> None:
    if on:
        field.attrs[attribute] = ""
    elif attribute in field.attributes:
        del field.attrs[attribute]


def _open_folds(field: LexborNode, value: str) -> None:
    """What is filled must be seen."""
    above = field.parent
    while above is not None and value.strip():
        if above.tag == "details":
            above.attrs["open"] = ""
        above = above.parent


def _list_files(tree: LexborHTMLParser, form: LexborNode, unsent: Unsent, translate: Callable[..., str]) -> None:
    """Beside the field they were chosen in; a browser lets no page fill that field itself."""
    for field in [one for one in _fields(tree, form) if one.attributes.get("type") == "file"]:
        lines = "".join(
            f"<li><span>{_safe(one['name'])}</span> <label>"
            f'<input type="checkbox" name="unsent_leave" value="{place}"> {_safe(translate("form.photos_remove"))}'
            f'<span class="unseen">: {_safe(one["name"])}</span></label></li>'
            for place, one in enumerate(unsent.files)
            if one["field"] == field.attributes.get("name")
        )
        if lines:
            field.insert_before(
                _node(f'<ul class="taken" aria-label="{_safe(translate("cabinet.unsent.files"))}">{lines}</ul>')
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


def _path(address: Any) -> str:
    return str(address or "").partition("?")[0].partition("#")[0]


def _safe(text: str) -> str:
    return html.escape(text, quote=True)
