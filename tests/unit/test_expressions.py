"""Every regular expression of the service takes time in proportion to what it reads.

Matching holds the interpreter's lock: an expression with quadratic time lets one letter, upload or page stop the whole
process. So each is given texts that could be difficult for it, made from its own parts, in lengths that grow by four.
"""

from __future__ import annotations

import ast
import importlib
import itertools
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import widget_api
from widget_api.problems import personal_data
from widget_api.sites.model import MAX_DESCRIPTION

METHODS = ("match", "fullmatch", "search", "findall", "finditer", "split", "sub", "subn")
# Characters of a text, and seconds of processor time that make a longer one necessary. The last are proof: linear time
# takes up to 0.1, quadratic time from 0.5 to minutes.
STEPS = {3_000: 0.0001, 12_000: 0.002, 48_000: 0.025}
LAST, TOO_LONG = 192_000, 0.4
LONGEST = 300  # seconds of processor time for all; ten are enough, an exponential expression never ends
LETTERS = " \n0aя_-.:;,<>[({\"'/=@"
CATEGORIES = {"DIGIT": "0", "SPACE": " ", "WORD": "a", "NOT_DIGIT": "a", "NOT_SPACE": "a", "NOT_WORD": "-"}
COMPUTED = {  # while running, so that they are not found
    "casework/weak_answers.py",  # from stems in the dictionaries, for what an official writes
    "problems/personal_data.py",  # below
}


def find_expressions() -> Iterator[tuple[str, re.Pattern[Any], set[str]]]:
    """Each expression with its name and the methods that are called with it."""
    root = Path(widget_api.__file__).parent
    sources = {path: path.read_text() for path in sorted(root.rglob("*.py"))}
    every = "\n".join(sources.values())
    for path, source in sources.items():
        if "import re\n" not in source:
            continue
        place, tree = path.relative_to(root), ast.parse(source)
        parts = ("widget_api", *place.with_suffix("").parts)
        module = importlib.import_module(".".join(parts).removesuffix(".__init__"))
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern) and f"\n{name} = re.compile(" in source:
                text = source if name.startswith("_") else every
                yield f"{place} {name}", value, {one for one in METHODS if f"{name}.{one}" in text}
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
            for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
                match call.func:
                    case ast.Attribute(value=ast.Name(id="re"), attr="compile"):
                        assert str(place) in COMPUTED, f"{place}: while running"
                    case ast.Attribute(value=ast.Name(id="re"), attr=method) if method in METHODS:
                        yield f"{place} {function.name}", re.compile(ast.literal_eval(call.args[0])), {method}


class Parts:
    """What leads to each unlimited repetition of an expression, and what is repeated: nothing where there is none."""

    def __init__(self, pattern: re.Pattern[Any]) -> None:
        self.leads, self.repeated = set[str](), set[str]()
        text = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
        whole = self._sample(importlib.import_module("re._parser").parse(text, pattern.flags & ~re.UNICODE), "")
        self.leads |= {"", whole} if self.leads else set()

    def _sample(self, items: Any, lead: str) -> str:
        """A text that a sequence matches."""
        out = ""
        for operation, value in items:
            match str(operation):
                case "LITERAL":
                    out += chr(value)
                case "ANY" | "NOT_LITERAL":
                    out += "a" if value != ord("a") else "b"
                case "IN":
                    out += _member(value)
                case "BRANCH":
                    out += [self._sample(one, lead + out) for one in value[1]].pop()
                case "SUBPATTERN":
                    out += self._sample(value[-1], lead + out)
                case "ATOMIC_GROUP":
                    out += self._sample(value, lead + out)
                case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                    one = self._sample(value[2], lead + out)
                    if str(value[1]) == "MAXREPEAT":
                        self.leads.add(lead + out)
                        self.repeated.add(one)
                    out += one * max(value[0], 1 if value[1] == 1 else 0)
                case "ASSERT":
                    self._sample(value[1], lead + out)
        return out

    def list_difficult(self) -> Iterator[tuple[str, str, str]]:
        """What begins a text, what is repeated in it, what ends it."""
        pumps = self.repeated | {lead + one for lead in self.leads for one in (*self.repeated, "")} | set(LETTERS)
        return itertools.product(sorted(self.leads), sorted(pumps - {""}), ("", "\x01\n x"))


def _member(items: Any) -> str:
    """A character of a class, or one that a negated class does not list."""
    listed, negated = "", False
    for operation, value in items:
        match str(operation):
            case "NEGATE":
                negated = True
            case "LITERAL":
                listed += chr(value)
            case "RANGE":
                listed += "".join(map(chr, range(value[0], min(value[1], value[0] + 200) + 1)))
            case "CATEGORY":
                listed += CATEGORIES[str(value).removeprefix("CATEGORY_")]
    return next(one for one in "a0- я" if one not in listed) if negated else listed[0]


def make_text(lead: str, pump: str, end: str, length: int) -> str:
    return lead + pump * (length // len(pump)) + end


def measure(pattern: re.Pattern[Any], method: str, text: str) -> float:
    """Seconds of processor time."""
    given: Any = text if isinstance(pattern.pattern, str) else text.encode("latin-1", "replace")
    begun = time.process_time()
    if method in ("match", "fullmatch"):
        getattr(pattern, method)(given)
    else:
        for _ in pattern.finditer(given):  # as all others do, at least until the first is found
            pass
    return time.process_time() - begun


def is_steep(pattern: re.Pattern[Any], method: str, made: tuple[str, str, str]) -> bool:
    """Whether ever longer texts take longer, the last each of three times, than linear time explains."""
    shorter = taken = 0.0
    for length, limit in STEPS.items():
        shorter, taken = taken, measure(pattern, method, make_text(*made, length))
        if taken < limit:
            return False
    if 20 * taken - 64 * shorter < TOO_LONG:  # of LAST, by the linear and the quadratic part of both: no need to look
        return False
    text = make_text(*made, LAST)
    return all(measure(pattern, method, text) > TOO_LONG for _ in range(3))


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (LONGEST, LONGEST))
    for name, pattern, methods in find_expressions():
        print(name, file=sys.stderr, flush=True)
        for method in {one if one.endswith("match") else "finditer" for one in methods or {"finditer"}}:
            for made in Parts(pattern).list_difficult():
                if is_steep(pattern, method, made):
                    print(f"{name}: {method} of {made}", flush=True)
                    break


def test_every_expression_takes_linear_time() -> None:
    """In a process of its own, which the system ends where an expression takes exponential time."""
    ran = subprocess.run([sys.executable, __file__], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (0, ""), ran.stderr[-300:]
    assert len(ran.stderr.splitlines()) > 150, "expressions are found"


def test_the_longest_text_is_soon_searched_for_personal_data() -> None:
    for kind, pattern, _ in personal_data._RULES:
        for made in Parts(pattern).list_difficult():
            text = make_text(*made, MAX_DESCRIPTION)
            assert min(measure(pattern, "search", text) for _ in range(3)) < TOO_LONG / 4, (kind, made)


if __name__ == "__main__":
    main()
