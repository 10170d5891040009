"""Whether a letter is from whom it says: a listed sender, and a DMARC pass that our own mail server recorded.

RFC 8601, section 5: a field `Authentication-Results` says something only where it bears our server's name and our
server wrote it. Servers write on top: what stands below the first `Received` of a foreign host came from outside.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections.abc import Iterable, Sequence
from email.message import Message

LONGEST = 4000  # characters of a field that are looked at
_COMMENT = re.compile(r"\([^()]*\)")
_LITERAL = re.compile(r"\[(?:IPv6:)?([0-9a-fA-F:.]+)\]", re.IGNORECASE)
# Loopback, RFC 1918, RFC 4193, RFC 3927 and 4291: no sender of the world has one of these.
_HOUSE = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"),
        *("::1/128", "fc00::/7", "fe80::/10"),
    )
)
_METHOD = re.compile(r"^\s*dmarc\s*(?:/\s*\d+\s*)?=\s*([a-z]+)", re.IGNORECASE)
_HEADER_FROM = re.compile(r"header\.from\s*=\s*\"?([^\s;\"]+)", re.IGNORECASE)


def normalised(address: str) -> str:
    """Addresses are compared without case, their domains as mail systems read them."""
    local, _, domain = address.strip().casefold().rpartition("@")
    with contextlib.suppress(UnicodeError):
        domain = domain.rstrip(".").encode("idna").decode().lower()
    return f"{local}@{domain}"


def is_listed(author: str, agency: str, senders: Iterable[str]) -> bool:
    """Whether this address answers for the agency: its mailbox, a sender of its list, or «@domain» on that list."""
    found = normalised(author)
    if found.startswith("@"):
        return False
    listed = {normalised(one) for one in (agency, *senders)}
    return found in listed or f"@{found.rpartition('@')[2]}" in listed


def passed_dmarc(message: Message, author: str, servers: Sequence[str]) -> bool:
    """Whether one of our mail servers found that the domain of From stands behind this letter (RFC 7489)."""
    domain = normalised(author).rpartition("@")[2]
    ours = {server.lower() for server in servers}
    for name, value in message.raw_items():
        if name.lower() == "received" and _is_foreign(str(value)):
            return False
        if name.lower() == "authentication-results":
            server, results = _read(str(value))
            verdict = _dmarc(results) if server in ours else None
            if verdict is not None:  # the topmost that says anything of DMARC
                result, of = verdict
                return result == "pass" and (of is None or normalised(f"@{of}") == f"@{domain}")
    return False


def _read(value: str) -> tuple[str, list[str]]:
    """The server's name, and what it found: one piece a method."""
    text = " ".join(value[:LONGEST].split())
    while (shorter := _COMMENT.sub(" ", text)) != text:
        text = shorter
    first, *results = text.split(";")
    named = first.strip().strip('"').split()
    return (named[0].strip('"').lower() if named else ""), results


def _dmarc(results: list[str]) -> tuple[str, str | None] | None:
    for result in results:
        if found := _METHOD.match(result):
            of = _HEADER_FROM.search(result)
            return found[1].lower(), of[1].lower() if of else None
    return None


def _is_foreign(received: str) -> bool:
    """A hop from another machine. Those within our own house (no `from`, or addresses of a house alone) are ours.

    All addresses count, wherever they stand: the other side chooses the words of its greeting.
    """
    if not received.strip().lower().startswith("from"):
        return False
    literals = _LITERAL.findall(received[:LONGEST])
    return not literals or not all(map(_is_of_a_house, literals))


def _is_of_a_house(literal: str) -> bool:
    try:
        address = ipaddress.ip_address(literal)
    except ValueError:
        return False
    return any(address in network for network in _HOUSE if address.version == network.version)
