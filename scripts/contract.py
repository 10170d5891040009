"""Write the widget's types from the API's description: widget_js/shared/contract.ts.

openapi-typescript does this with the programming interface of TypeScript 5; we check types with TypeScript 7, which has
none. With `--check` nothing is written, and the file must be as it would be.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from widget_api import openapi

ROOT = Path(__file__).resolve().parent.parent
FILE = ROOT / "widget_js" / "shared" / "contract.ts"
HEAD = "/** What the widget and the service exchange. Generated of its description: `python -m scripts.contract`. */\n"
OURS = ("sites", "reading", "writing")  # the calls a widget makes, by their tags
PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def written() -> str:
    """The whole file, as Prettier formats it."""
    document = openapi.document("")
    schemas = document["components"]["schemas"]
    types = "".join(_comment(schemas[name]) + _declared(name, schemas[name]) for name in sorted(_used(document)))
    command = [str(ROOT / "node_modules" / ".bin" / "prettier"), "--stdin-filepath", str(FILE)]
    return subprocess.run(command, input=HEAD + types, capture_output=True, text=True, check=True, cwd=ROOT).stdout


def _used(document: dict[str, Any]) -> set[str]:
    """The schemas those calls name, and those that these name."""
    calls = (call for path in document["paths"].values() for call in path.values() if call["tags"][0] in OURS)
    found, waiting = set[str](), {"Error", *_named(list(calls))}
    while waiting:
        found |= waiting
        waiting = {other for name in waiting for other in _named(document["components"]["schemas"][name])} - found
    return found


def _named(node: Any) -> Iterator[str]:
    yield from re.findall(r'"#/components/schemas/(\w+)"', json.dumps(node))


def _declared(name: str, schema: dict[str, Any]) -> str:
    kind = f"interface {name} " if "properties" in schema else f"type {name} = "
    return f"export {kind}{_type(schema)}\n"


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    if "const" in schema or "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema.get("enum", [schema.get("const")]))
    if "anyOf" in schema and "properties" not in schema:
        return " | ".join(dict.fromkeys(map(_type, schema["anyOf"])))
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(_type({**schema, "type": one}) for one in kind)
    if kind == "array":
        few = schema.get("maxItems") if schema.get("minItems") == schema.get("maxItems") else None
        return f"[{', '.join([_type(schema['items'])] * few)}]" if few else f"({_type(schema['items'])})[]"
    if kind == "object":
        return _members(schema)
    return PLAIN[kind] if kind else "unknown"


def _members(schema: dict[str, Any]) -> str:
    if "properties" not in schema:
        return f"Record<string, {_type(schema.get('additionalProperties', {}))}>"
    required = schema.get("required", ())
    members = (
        f"{_comment(member)}{name}{'' if name in required else '?'}: {_type(member)};\n"
        for name, member in schema["properties"].items()
    )
    return "{" + "".join(members) + "}"


def _comment(schema: dict[str, Any]) -> str:
    lines = textwrap.wrap(schema.get("description", ""), 108)
    if len(lines) > 1:
        return "".join(f"{line}\n" for line in ("/**", *(f" * {line}" for line in lines), " */"))
    return f"/** {lines[0]} */\n" if lines else ""


if __name__ == "__main__":
    content = written()
    if "--check" not in sys.argv:
        FILE.write_text(content)
    elif FILE.read_text() != content:
        sys.exit(f"{FILE.relative_to(ROOT)} is stale: run python -m scripts.contract")
