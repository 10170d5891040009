"""Prepare the readable description of the API: the OpenAPI document, and the changelog, as values for a template."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from widget_api import openapi
from widget_api.files import find_carried

_LIMITS = (("minimum", "≥ {}"), ("maximum", "≤ {}"), ("minLength", "≥ {} characters"), ("maxLength", "≤ {} characters"))


@dataclass(frozen=True, kw_only=True)
class Row:
    """A parameter or a property. `refs` are the models that its type names."""

    name: str
    type: str
    refs: tuple[str, ...]
    description: str
    required: bool
    place: str = ""  # of a parameter: path, query, header


@dataclass(frozen=True, kw_only=True)
class Call:
    id: str
    method: str
    path: str
    summary: str
    description: str
    security: tuple[str, ...]
    parameters: tuple[Row, ...]
    body: tuple[Row, ...]  # a row for each media type
    answers: tuple[Row, ...]  # a row for each status and media type
    refusals: tuple[Row, ...]


@dataclass(frozen=True, kw_only=True)
class Reference:
    calls: tuple[tuple[str, str, tuple[Call, ...]], ...]  # tag, its description, its calls
    models: tuple[tuple[str, str, tuple[Row, ...]], ...]  # name, description, properties
    security: tuple[tuple[str, str], ...]


@lru_cache(maxsize=4)
def build(public_url: str) -> Reference:
    """Build the reference of the service's own API."""
    document = openapi.document(public_url)
    components = document["components"]
    calls: dict[str, list[Call]] = {}
    for path, methods in document["paths"].items():
        for method, call in methods.items():
            calls.setdefault(call["tags"][0], []).append(_call(path, method, call, components))
    return Reference(
        calls=tuple((tag["name"], tag["description"], tuple(calls.get(tag["name"], ()))) for tag in document["tags"]),
        models=tuple(
            (name, schema.get("description", ""), _properties(schema)) for name, schema in components["schemas"].items()
        ),
        security=tuple((name, one.get("description", "")) for name, one in components["securitySchemes"].items()),
    )


def _call(path: str, method: str, call: dict[str, Any], components: dict[str, Any]) -> Call:
    parameters = [_resolve(one, components) for one in call.get("parameters", ())]
    responses = {status: _resolve(one, components) for status, one in call["responses"].items()}
    good = {status: one for status, one in responses.items() if status < "400"}
    return Call(
        id=call["operationId"],
        method=method.upper(),
        path=path,
        summary=call["summary"],
        description=call.get("description", ""),
        security=tuple(name for way in call.get("security", ()) for name in way),
        parameters=tuple(
            _row(one["name"], one.get("schema", {}), one.get("required", False), one.get("description", ""), one["in"])
            for one in parameters
        ),
        body=_contents("", call.get("requestBody", {})),
        answers=tuple(row for status, one in good.items() for row in _contents(status, one)),
        refusals=tuple(
            _row(status, {}, False, one.get("description", ""))
            for status, one in responses.items()
            if status not in good
        ),
    )


def _contents(status: str, one: dict[str, Any]) -> tuple[Row, ...]:
    """A row for each media type, or one for a body that is empty."""
    description = one.get("description", "")
    rows = [
        _row(status, media.get("schema", {}), True, description, name) for name, media in one.get("content", {}).items()
    ]
    return tuple(rows) or ((_row(status, {}, True, description),) if status else ())


def _properties(schema: dict[str, Any]) -> tuple[Row, ...]:
    required = schema.get("required", ())
    return tuple(
        _row(name, one, name in required, one.get("description", "") if isinstance(one, dict) else "")
        for name, one in schema.get("properties", {}).items()
    )


def _row(name: str, schema: Any, required: bool, description: str, place: str = "") -> Row:
    text, refs = _describe(schema)
    return Row(
        name=name, type=text, refs=tuple(dict.fromkeys(refs)), description=description, required=required, place=place
    )


def _describe(schema: Any) -> tuple[str, list[str]]:
    """A schema in words, and the models it names."""
    if not isinstance(schema, dict) or not schema:
        return "", []
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2]
        return name, [name]
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            parts = [_describe(one) for one in schema[key] if one.get("const") != ""]  # an empty value is an absent one
            return " | ".join(dict.fromkeys(text for text, _ in parts if text)), [
                ref for _, refs in parts for ref in refs
            ]
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"]), []
    if "const" in schema:
        return str(schema["const"]), []
    kind = schema.get("type", "object" if "properties" in schema else "")
    text = " | ".join(kind) if isinstance(kind, list) else str(kind)
    if "items" in schema:
        inner, refs = _describe(schema["items"])
        return f"{text} of {inner}" if inner else text, refs
    if isinstance(schema.get("properties"), dict):
        inside = {name: _describe(one) for name, one in schema["properties"].items()}
        return f"{text} {{{', '.join(inside)}}}", [ref for _, refs in inside.values() for ref in refs]
    more = [str(schema["format"])] if "format" in schema else []
    more += [words.format(schema[name]) for name, words in _LIMITS if name in schema]
    return f"{text} ({', '.join(more)})" if more else text, []


def _resolve(one: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in one:
        return one
    _, _, kind, name = str(one["$ref"]).split("/")
    found: dict[str, Any] = components[kind][name]
    return found


@lru_cache(maxsize=1)
def read_changelog() -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The changelog's headings with their items."""
    lines = find_carried("docs/api-changelog.md").read_text("utf-8")
    sections: list[tuple[str, list[str]]] = []
    for line in lines.splitlines():
        if line.startswith("## "):
            sections.append((line[3:], []))
        elif line.startswith("- ") and sections:
            sections[-1][1].append(line[2:])
        elif line.startswith("  ") and sections and sections[-1][1]:
            sections[-1][1][-1] += f" {line.strip()}"
    return tuple((heading, tuple(items)) for heading, items in sections)
