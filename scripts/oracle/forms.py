"""The links and forms of a page, and what is sent with a form: something valid, and each field bad in turn."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

HOST = "https://widget.test"
TEXTS = {"email": "novy@people.test", "number": "3", "date": "2026-07-15", "url": "https://novy.test", "time": "10:00",
         "tel": "+7 900 111-22-33", "text": "Слово", "textarea": "Текст из нескольких слов", "search": "яма",
         "password": "тихая река у мельницы", "color": "#0b6e4f", "datetime-local": "2026-07-15T10:00",
         "month": "2026-07"}  # fmt: skip
# Where the kind of a field does not say what it takes.
NAMED = {
    "website": "",  # people do not see it
    "coordinates": "55.0952, 38.7688",
    "place": "55.0952, 38.7688",
    "days": "5",
    "area": '{"type":"Polygon","coordinates":[[[38.75,55.08],[38.80,55.08],[38.80,55.11],[38.75,55.08]]]}',
    "answers.people": "5",
    "answers.cost": "100000",
    "answers.own_share": "5",
    "size": "5",
    "slug": "novaya",
    "origin": "https://novy.test",
    "inn": "5000000000",
    "bbox": "38.70,55.07,38.84,55.12",
    "file": "",
}
WRONG_TYPES = ("north", "-1", "99999999999999999999", "2026-02-30", "1e5", "NaN", "x@", "http://", "55; 38; 9", "[]")
# Sent last, since nothing else can be sent after it, or there is nothing left.
LAST = re.compile(
    r"sign-out|sessions|password|factor|language|access|remove|delete|discard|hide|withdraw|erase|link-ch"
    "|revoke|rotate|/key"
)
CONTROL = ("a\x00b", "\x1b[0m\x07", "\u202eabc", "a\r\nb: c", "\ud7ff\uffff", "\x7f\x85\u2028")


@dataclass(frozen=True)
class Control:
    name: str
    kind: str
    value: str
    sent: bool  # unless something is chosen instead of it
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Form:
    page: str
    action: str
    method: str
    multipart: bool
    controls: tuple[Control, ...]
    buttons: tuple[tuple[str, str], ...] = field(default=())

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted({one.name for one in self.controls}))

    def given(self) -> dict[str, list[str]]:
        """What a browser sends if nobody fills in anything."""
        out: dict[str, list[str]] = {}
        for one in self.controls:
            if one.sent and one.kind != "file":
                out.setdefault(one.name, []).append(one.value)
        return out

    def valid(self, known: Mapping[str, str]) -> dict[str, list[str]]:
        """The same with a plausible text in each empty field and the first of each choice.

        `known` are texts by name that only who fills it in knows: a password.
        """
        out = self.given()
        for one in self.controls:
            if one.kind in ("radio", "select") and not any(out.get(one.name, [])):
                out[one.name] = [next((choice for choice in one.choices if choice), one.value)]
            elif one.kind in TEXTS and not any(out.get(one.name, [])):
                out[one.name] = [known.get(one.name, NAMED.get(one.name, TEXTS[one.kind]))]
            elif one.kind == "checkbox" and one.name not in out:
                out[one.name] = [one.value or "on"]
        return out

    def variants(self, known: Mapping[str, str]) -> Iterator[tuple[str, dict[str, list[str]]]]:
        """The valid ones: as it is, filled in, each button, each value of a choice."""
        valid = self.valid(known)
        yield "as it is", self.given()
        yield "filled in", valid
        for name, value in self.buttons[:6]:
            yield f"button {name}={value}", valid | {name: [value]}
        for one in self.controls:
            if one.kind in ("radio", "select"):
                for choice in one.choices[:12]:
                    yield f"choice {one.name}={choice}", valid | {one.name: [choice]}

    def bad(self, draw: random.Random, known: Mapping[str, str]) -> Iterator[tuple[str, dict[str, list[str]]]]:
        valid = self.valid(known)
        for name in self.names:
            wrong: dict[str, list[str]] = {
                "missing": [],
                "empty": [""],
                "long": ["я" * draw.choice((260, 1100, 4100, 20_100))],
                "type": [draw.choice(WRONG_TYPES)],
                "choice": [draw.choice(("dragons", "0", "-", "ЯЯЯ"))],
                "control": [draw.choice(CONTROL)],
                "twice": [*valid.get(name, [""]), draw.choice(("dragons", "1", ""))],
            }
            for kind, values in wrong.items():
                yield f"{name} {kind}", valid | {name: values}

    def signed(self, token: str) -> Form:
        """With the token of another person's forms."""
        controls = tuple(replace(one, value=token) if one.name == "form_token" else one for one in self.controls)
        return replace(self, controls=controls)


def within(page: str, address: str) -> str:
    """The path and query of an address of the service; empty for any other."""
    parts = urlsplit(urljoin(HOST + page, address))
    if f"{parts.scheme}://{parts.netloc}" != HOST:
        return ""
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def links(page: str, html: str) -> list[str]:
    found = []
    for node in LexborHTMLParser(html).css("a[href], link[href], [src], form:not([method=post])"):
        address = node.attributes.get("href") or node.attributes.get("src") or node.attributes.get("action") or ""
        found.append(within(page, address))
    return [one for one in dict.fromkeys(found) if one]


def forms(page: str, html: str) -> list[Form]:
    """Those that are sent by POST; a button with an address of its own makes another form of the same fields."""
    tree = LexborHTMLParser(html)
    found = []
    for node in tree.css("form"):
        given = node.attributes
        own = "input, textarea, select, button"
        parts = [one for one in node.css(own) if "form" not in one.attributes]
        if given.get("id"):
            parts += tree.css(", ".join(f'{tag}[form="{given["id"]}"]' for tag in own.split(", ")))
        buttons = [one for one in parts if one.tag == "button"]
        controls = tuple(_join([_control(one) for one in parts if one.tag != "button" and one.attributes.get("name")]))
        multipart = given.get("enctype") == "multipart/form-data"
        pressed = tuple(
            (one.attributes["name"] or "", one.attributes.get("value") or "")
            for one in buttons
            if one.attributes.get("name") and not one.attributes.get("formaction")
        )
        action, method = within(page, given.get("action") or page), (given.get("method") or "get").lower()
        made = Form(page, action, method, multipart, controls, pressed)
        found.append(made)
        others = [one.attributes["formaction"] or "" for one in buttons if "formaction" in one.attributes]
        found += [replace(made, action=within(page, other), method="post", buttons=()) for other in others]
    return [one for one in found if one.method == "post" and one.action]


def _control(node: LexborNode) -> Control:
    given = node.attributes
    name, kind = given["name"] or "", given.get("type") or "text" if node.tag == "input" else str(node.tag)
    if kind == "textarea":
        return Control(name, kind, node.text().removeprefix("\n"), sent=True)
    if kind == "select":
        options = [(one.attributes.get("value") or "", "selected" in one.attributes) for one in node.css("option")]
        chosen = next((value for value, selected in options if selected), options[0][0] if options else "")
        return Control(name, kind, chosen, sent=True, choices=tuple(value for value, _ in options))
    value = given.get("value") or ""
    if kind in ("radio", "checkbox"):
        return Control(name, kind, value or "on", sent="checked" in given, choices=(value,) if kind == "radio" else ())
    return Control(name, kind, value, sent=True)


def _join(controls: list[Control]) -> Iterator[Control]:
    """One control for all radio buttons of a name."""
    choices: dict[str, list[str]] = {}
    for one in controls:
        if one.kind == "radio":
            choices.setdefault(one.name, []).append(one.value)
    for one in controls:
        if one.kind != "radio":
            yield one
        elif one.name in choices:
            radios = [other for other in controls if other.kind == "radio" and other.name == one.name]
            checked = next((other for other in radios if other.sent), radios[0])
            yield replace(checked, choices=tuple(choices.pop(one.name)))
