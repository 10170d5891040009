"""Verify the sender of a letter: a listed address, and a DMARC pass recorded by our own mail server.

RFC 8601, section 5: an `Authentication-Results` field is valid only if it has our server's name and our server wrote
it. Servers prepend their fields, so everything below the first `Received` of an external host came from outside.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections.abc import Iterable, Sequence
from email.message import Message

MAX_LENGTH = 4000  # characters of a field that are examined
_LITERAL = re.compile(r"\[(?:IPv6:)?([0-9a-fA-F:.]+)\]", re.IGNORECASE)
# Exchange and qmail write the client's address in this form, and put in brackets only the name it gave itself.
_BARE = re.compile(r"[(@](\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]*:[0-9a-fA-F:.]+)\)")
# Loopback, RFC 1918, RFC 4193, RFC 3927 and 4291: not used by external senders.
_PRIVATE_NETWORKS = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"),
        *("::1/128", "fc00::/7", "fe80::/10"),
    )
)
_METHOD = re.compile(r"^\s*dmarc\s*(?:/\s*\d+\s*)?=\s*([a-z]+)", re.IGNORECASE)
_MENTIONED = re.compile(r"\bdmarc\s*(?:/\s*\d+\s*)?=\s*([a-z]+)", re.IGNORECASE)  # even in quoted strings and comments
# The end of a quoted local part, which may contain any text (RFC 5321, 4.1.2), such as a forged result. Officials do
# not have such addresses.
_QUOTED_MAILBOX = '"@'
_HEADER_FROM = re.compile(r"header\.from\s*=\s*\"?([^\s;\"]+)", re.IGNORECASE)


def normalise_address(address: str) -> str:
    """Normalise an address for comparison: lower case, the domain in ASCII form."""
    local, _, domain = address.strip().casefold().rpartition("@")
    with contextlib.suppress(UnicodeError):
        domain = domain.rstrip(".").encode("idna").decode().lower()
    return f"{local}@{domain}"


def is_listed(author: str, agency: str, senders: Iterable[str]) -> bool:
    """Whether an address may answer for the agency: its mailbox, a listed sender, or one of a listed «@domain»."""
    address = normalise_address(author)
    if address.startswith("@"):
        return False
    listed = {normalise_address(entry) for entry in (agency, *senders)}
    return address in listed or f"@{address.rpartition('@')[2]}" in listed


def has_dmarc_pass(message: Message, author: str, servers: Sequence[str], hops: int = 0) -> bool:
    """Whether one of our mail servers recorded a DMARC pass for the domain in From (RFC 7489).

    Servers repeat the client's own claims, often before their result, so any other result in their fields fails the
    check. `hops` is the number of external `Received` lines above our servers' fields, for servers that write these
    below their own `Received`.
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
        if _QUOTED_MAILBOX in text or any(result.lower() != "pass" for result in _MENTIONED.findall(text)):
            return False
        for piece in pieces[1:]:
            if result := _METHOD.match(piece):
                if result[1].lower() != "pass" or any(
                    normalise_address(f"@{header_domain}") != domain for header_domain in _HEADER_FROM.findall(piece)
                ):
                    return False
                passed = True
    return passed


def _server_name(piece: str) -> str:
    words = piece.split()
    return words[0].strip('"').lower() if words else ""


def _split_field(text: str) -> list[str] | None:
    """Split a field at its semicolons, removing comments (RFC 8601, 2.2; RFC 5322, 3.2). Returns None if a comment or
    quoted string is not closed."""
    pieces, quoted, depth, index = [""], False, 0, 0
    while index < len(text):
        letter, index = text[index], index + 1
        if letter == "\\" and (quoted or depth):
            letter, index = text[index - 1 : index + 1], index + 1
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
    """Whether a `Received` line describes a hop from an external machine, rather than one without `from` or with
    private addresses only.

    All addresses in the line count, since the client chooses the text of its greeting.
    """
    if not received.strip().lower().startswith("from"):
        return False
    line = received[:MAX_LENGTH]
    literals, bare = _LITERAL.findall(line), _BARE.findall(line)
    return not literals or not all(map(_is_private_address, (*literals, *bare)))


def _is_private_address(literal: str) -> bool:
    try:
        address = ipaddress.ip_address(literal)
    except ValueError:
        return False
    return any(address in network for network in _PRIVATE_NETWORKS if address.version == network.version)
