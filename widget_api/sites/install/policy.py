"""Evaluate a page's Content Security Policy as W3C «CSP Level 3» defines it.

The rule that sources name no IP address but 127.0.0.1 (6.7.2.8) is left out, as in browsers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, urlsplit

Outcome = Literal["allowed", "conditional", "blocked"]

# Fallbacks of each directive (6.8.3).
_FALLBACK: dict[str, tuple[str, ...]] = {
    "script-src-elem": ("script-src-elem", "script-src", "default-src"),
    "connect-src": ("connect-src", "default-src"),
    "img-src": ("img-src", "default-src"),
    "frame-src": ("frame-src", "child-src", "default-src"),
}
_NOT_IN_META = frozenset({"frame-ancestors", "report-uri", "sandbox"})  # 3.3
_PORTS = {"http": 80, "https": 443}
_MAX_KEPT_SOURCES = 30
_SPACE = re.compile(r"[\t\n\f\r ]+")
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_HOST = re.compile(
    r"(?:(?P<scheme>[a-z][a-z0-9+.-]*)://)?(?P<host>\*|(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>[0-9]{1,5}|\*))?(?P<path>/[^?#]*)?",
    re.IGNORECASE,
)
_HASH = re.compile(r"'(sha(?:256|384|512)-[A-Za-z0-9+/_-]+={0,2})'")

Policy = Mapping[str, tuple[str, ...]]
"""Directives by name with their sources."""


@dataclass(frozen=True)
class Verdict:
    """`directive` is the one that decided, empty where none did. `conditional`: allowed only with a nonce or a hash.

    `dynamic`: the list contains 'strict-dynamic', under which addresses in it have no effect. `sources` is the list.
    """

    outcome: Outcome
    directive: str = ""
    dynamic: bool = False
    sources: tuple[str, ...] = ()

    def permit(self, directive: str, wanted: Iterable[str]) -> str:
        """The line of the policy that permits `wanted` as well, with everything that the page has permitted so far.

        A directive that a policy lacks replaces `default-src` for its kind: with the wanted sources alone it would
        block the page's own files.
        """
        name = self.directive if self.directive == directive else directive.removesuffix("-elem")
        kept = [source for source in self.sources if source.lower() != "'none'"]
        if len(kept) > _MAX_KEPT_SOURCES:
            kept = ["…"]
        return " ".join((name, *kept, *(source for source in wanted if source not in kept)))


def parse_policies(header: str, *, meta: bool = False) -> list[Policy]:
    """Parse a header's value, which may hold several policies, or a `meta` element's, in which some are ignored."""
    policies: list[Policy] = []
    for text in [header] if meta else header.split(","):
        directives: dict[str, tuple[str, ...]] = {}
        for part in text.split(";"):
            name, *sources = [token for token in _SPACE.split(part) if token] or [""]
            name = name.lower()
            if name and not (meta and name in _NOT_IN_META):
                directives.setdefault(name, tuple(sources))  # duplicates are ignored
        if directives:
            policies.append(directives)
    return policies


def judge_request(
    policies: Iterable[Policy],
    directive: str,
    url: str,
    page: str,
    *,
    nonce: str = "",
    integrity: str = "",
) -> Verdict:
    """Whether all policies of `page` (its address) allow `url`; the strictest decides.

    `directive` is `script-src-elem`, `connect-src`, `img-src` or `frame-src`; `nonce` and `integrity` are the
    attributes of the script element.
    """
    verdicts = [_judge_policy(policy, directive, url, page, nonce, integrity) for policy in policies]
    order: Sequence[Outcome] = ("blocked", "conditional", "allowed")
    return min(verdicts, key=lambda verdict: order.index(verdict.outcome), default=Verdict("allowed"))


def is_sandboxed(policies: Iterable[Policy]) -> bool:
    """Whether a policy's sandbox denies scripts or the page's own origin."""
    needed = {"allow-scripts", "allow-same-origin"}
    return any("sandbox" in policy and not needed <= {one.lower() for one in policy["sandbox"]} for policy in policies)


def _judge_policy(policy: Policy, directive: str, url: str, page: str, nonce: str, integrity: str) -> Verdict:
    name = next((candidate for candidate in _FALLBACK[directive] if candidate in policy), "")
    if not name:
        return Verdict("allowed")
    sources = policy[name]
    if directive != "script-src-elem":
        return Verdict("allowed" if matches_any(sources, url, page) else "blocked", name, sources=sources)
    dynamic = "'strict-dynamic'" in {source.lower() for source in sources}
    return Verdict(_judge_script(sources, url, page, nonce, integrity), name, dynamic, sources)


def _judge_script(sources: tuple[str, ...], url: str, page: str, nonce: str, integrity: str) -> Outcome:
    """Script sources (6.7.1.1): a matching nonce or hash always allows; with 'strict-dynamic' nothing else does."""
    keywords = {source.lower() for source in sources}
    nonces = {source[7:-1] for source in sources if source.lower().startswith("'nonce-") and source.endswith("'")}
    hashes = {found[1] for source in sources if (found := _HASH.fullmatch(source))}
    if nonce and nonce in nonces:
        return "allowed"
    if integrity and hashes.issuperset(integrity.split()):
        return "allowed"
    if "'strict-dynamic'" not in keywords and matches_any(sources, url, page):
        return "allowed"
    return "conditional" if nonces or hashes else "blocked"


def matches_any(sources: Iterable[str], url: str, page: str) -> bool:
    """Whether a source matches the address (6.7.2.7)."""
    return any(_matches_source(source, url, page) for source in sources)


def _matches_source(source: str, url: str, page: str) -> bool:
    target, own = urlsplit(url), urlsplit(page)
    if source == "*":
        return target.scheme in _PORTS or target.scheme == own.scheme
    if scheme := _SCHEME.fullmatch(source):
        return _scheme_matches(scheme[1], target.scheme)
    if source.lower() == "'self'":
        return _is_same_origin(url, page)
    found = _HOST.fullmatch(source)
    if found is None or target.scheme not in _PORTS:
        return False
    return (
        _scheme_matches(found["scheme"] or own.scheme, target.scheme)
        and _host_matches(found["host"].lower(), target.hostname or "")
        and _port_matches(found["port"], target.port, target.scheme)
        and _path_matches(found["path"], target.path)
    )


def _scheme_matches(expression: str, scheme: str) -> bool:
    """Compare schemes; a source with the insecure scheme also matches the secure one (6.7.2.9)."""
    expression = expression.lower()
    return expression == scheme or (expression, scheme) == ("http", "https")


def _host_matches(pattern: str, host: str) -> bool:
    """Compare hosts; «*.gorod.ru» matches subdomains, and not gorod.ru itself (6.7.2.10)."""
    if pattern == "*":
        return True
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    return pattern.strip("[]") == host


def _port_matches(pattern: str | None, port: int | None, scheme: str) -> bool:
    actual = port or _PORTS[scheme]
    if pattern is None:
        return actual == _PORTS[scheme]
    return pattern == "*" or int(pattern) == actual or (int(pattern), actual, scheme) == (80, 443, "https")


def _path_matches(pattern: str | None, path: str) -> bool:
    """Compare paths; one that ends with a slash matches as a prefix (6.7.2.12)."""
    if not pattern or pattern == "/":
        return True
    wanted, actual = unquote(pattern), unquote(path or "/")
    return actual.startswith(wanted) if wanted.endswith("/") else actual == wanted


def _is_same_origin(url: str, page: str) -> bool:
    """Whether the address has the page's origin, or its secure form on the default ports."""
    target, own = urlsplit(url), urlsplit(page)
    if target.scheme not in _PORTS or own.scheme not in _PORTS or target.hostname != own.hostname:
        return False
    ports = (own.port or _PORTS[own.scheme], target.port or _PORTS[target.scheme])
    if own.scheme == target.scheme:
        return ports[0] == ports[1]
    return (own.scheme, target.scheme) == ("http", "https") and (ports[0] == ports[1] or ports == (80, 443))
