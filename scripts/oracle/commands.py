"""Every command that the help names, with what its help says: valid as far as the town knows, and options bad."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from scripts.oracle.town import Town
from scripts.oracle.transcript import Transcript
from tests.support import recorded

# They do not end, or take long, or replace all that there is.
SKIPPED = ("serve", "work", "demo", "load-demo", "restore", "setup")
WRONG = ("dragons", "", "-1", "я" * 300, "a\x1bb", "2026-02-30", "x@", "1,2,3", "{", "nowhere/nothing")
SAMPLE = 3  # bad options of a command
OPTION = re.compile(r"(?m)^  (--[a-z-]+|[a-z_]+(?:\.\.\.)?)(?: <([^>]+)>)?((?:.*)(?:\n {8,}.*)*)")


@dataclass(frozen=True)
class Option:
    name: str
    kind: str
    required: bool


def find(town: Town, kept: Transcript, *path: str) -> Iterator[tuple[tuple[str, ...], list[Option]]]:
    """Each command that is no group, with its arguments and options."""
    done = town.run(*path, "--help")
    kept.add(" ".join(["help of", *path]), recorded.command(done))
    inner = re.findall(r"(?m)^  ([a-z-]+)", done.stdout.partition("\nCommands:\n")[2])
    for name in inner:
        if name not in SKIPPED:
            yield from find(town, kept, *path, name)
    if not inner:
        # After the description, whose lines look like an argument.
        text = "".join(re.findall(r"(?ms)^(?:Arguments|Options):\n.*?(?:^$|\Z)", done.stdout))
        yield path, [Option(name, kind, "[required]" in rest) for name, kind, rest in OPTION.findall(text)]


def valid(town: Town, option: Option) -> str:
    known = {
        "site": town.key,
        "agency": "Управляющая компания",
        "parent": "Область",
        "email": "agent@zarechensk.test",
        "user": "agent@zarechensk.test",
        "platform": "Центр",
        "problem": town.ids[0],
        "slug": "experts",
        "preset": "experts",
        "origin": "https://novy.test",
        "url": "https://novy.test",
        "code": "roads",
        "pairs": "roads=1",
        "role": "viewer",
        "number": "1",
    }
    name = option.name.lstrip("-").removesuffix("...")
    choice = option.kind.partition("|")[0] if "|" in option.kind else ""
    return known.get(name) or choice or {"int": "1", "float": "1"}.get(option.kind, "Слово")


def run_all(town: Town, kept: Transcript, draw: random.Random) -> int:
    """As JSON and as text, without what is required, and with bad options. Returns how many commands were run."""
    many = 0

    def run(*arguments: str) -> None:
        nonlocal many
        many += 1
        kept.add("$ " + " ".join(arguments), recorded.command(town.run(*arguments)))

    for path, options in list(find(town, kept)):
        places = [one for one in options if not one.name.startswith("--")]
        given = [valid(town, one) for one in places]
        for one in options:
            if one.required and one not in places:
                given += [one.name, valid(town, one)]
        run(*path, *given)
        run(*path, *given, "--json")
        run(*path, "--json")
        wrong = [one for one in options if one.kind and one not in places]
        for one in draw.sample(wrong, min(SAMPLE, len(wrong))):
            run(*path, *given, one.name, draw.choice(WRONG))
        if places:
            run(*path, *(draw.choice(WRONG) for _ in places), *given[len(places) :], "--json")
    return many
