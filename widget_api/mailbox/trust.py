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

MAX_LENGTH = 4000  # characters of a field that are looked at
_LITERAL = re.compile(r"\[(?:IPv6:)?([0-9a-fA-F:.]+)\]", re.IGNORECASE)
# Exchange and qmail write the address they saw so, and in brackets only what the other side called itself.
_BARE = re.compile(r"[(@](\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]*:[0-9a-fA-F:.]+)\)")
# Loopback, RFC 1918, RFC 4193, RFC 3927 and 4291: no sender of the world has one of these.
_PRIVATE_NETWORKS = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"),
        *("::1/128", "fc00::/7", "fe80::/10"),
    )
)
_METHOD = re.compile(r"^\s*dmarc\s*(?:/\s*\d+\s*)?=\s*([a-z]+)", re.IGNORECASE)
_MENTIONED = re.compile(r"\bdmarc\s*(?:/\s*\d+\s*)?=\s*([a-z]+)", re.IGNORECASE)  # in whatever quotation or comment
# The end of a mailbox that may hold anything at all (RFC 5321, 4.1.2): no official has one, and whoever has may have
# put a verdict of their own into it.
_QUOTED_MAILBOX = '"@'
_HEADER_FROM = re.compile(r"header\.from\s*=\s*\"?([^\s;\"]+)", re.IGNORECASE)


def normalise_address(address: str) -> str:
    """Addresses are compared without case, their domains as mail systems read them."""
    local, _, domain = address.strip().casefold().rpartition("@")
    with contextlib.suppress(UnicodeError):
        domain = domain.rstrip(".").encode("idna").decode().lower()
    return f"{local}@{domain}"


def is_listed(author: str, agency: str, senders: Iterable[str]) -> bool:
    """Whether this address answers for the agency: its mailbox, a sender of its list, or «@domain» on that list."""
    found = normalise_address(author)
    if found.startswith("@"):
        return False
    listed = {normalise_address(one) for one in (agency, *senders)}
    return found in listed or f"@{found.rpartition('@')[2]}" in listed


def has_dmarc_pass(message: Message, author: str, servers: Sequence[str], hops: int = 0) -> bool:
    """Whether one of our mail servers found that the domain of From stands behind this letter (RFC 7489).

    Servers repeat what the other side said of itself, often before their verdict: none of ours may say anything else.
    `hops` are the lines `Received` of foreign machines above their fields, where they write them below their own.
    """
    domain = f"@{normalise_address(author).rpartition('@')[2]}"
    ours = {server.lower() for server in servers}
    passed = False
    for name, value in message.raw_items():
        if name.lower() == "received" and _is_external_hop(str(value)):
            hops -= 1
            if hops < 0:
                break
        if name.lower() != "authentication-results":
            continue
        text = " ".join(str(value).split())
        pieces = _split_field(text) if len(text) <= MAX_LENGTH else None
        if pieces is None:
            return False
        if _server_name(pieces[0]) not in ours:
            continue
        if _QUOTED_MAILBOX in text or any(said.lower() != "pass" for said in _MENTIONED.findall(text)):
            return False
        for piece in pieces[1:]:
            if found := _METHOD.match(piece):
                if found[1].lower() != "pass" or any(
                    normalise_address(f"@{of}") != domain for of in _HEADER_FROM.findall(piece)
                ):
                    return False
                passed = True
    return passed


def _server_name(piece: str) -> str:
    named = piece.split()
    return named[0].strip('"').lower() if named else ""


def _split_field(text: str) -> list[str] | None:
    """A field between its semicolons, without comments (RFC 8601, 2.2; RFC 5322, 3.2). None where one does not end."""
    pieces, quoted, depth, place = [""], False, 0, 0
    while place < len(text):
        letter, place = text[place], place + 1
        if letter == "\\" and (quoted or depth):
            letter, place = text[place - 1 : place + 1], place + 1
        elif depth:
            depth += (letter == "(") - (letter == ")")
            letter = " "
        elif letter == '"':
            quoted = not quoted
        elif not quoted and letter == "(":
            depth, letter = 1, " "
        elif not quoted and letter == ";":
            pieces.append("")
            letter = ""
        pieces[-1] += " " if depth else letter
    return None if quoted or depth else pieces


def _is_external_hop(received: str) -> bool:
    """A hop from another machine. Those within our own house (no `from`, or addresses of a house alone) are ours.

    All addresses count, wherever they stand: the other side chooses the words of its greeting.
    """
    if not received.strip().lower().startswith("from"):
        return False
    told = received[:MAX_LENGTH]
    literals, bare = _LITERAL.findall(told), _BARE.findall(told)
    return not literals or not all(map(_is_private_address, (*literals, *bare)))


def _is_private_address(literal: str) -> bool:
    try:
        address = ipaddress.ip_address(literal)
    except ValueError:
        return False
    return any(address in network for network in _PRIVATE_NETWORKS if address.version == network.version)
