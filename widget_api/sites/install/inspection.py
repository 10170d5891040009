"""Looks at one page of a site: is the snippet there, whole and current, and does the page's policy let it work."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urljoin, urlsplit

from widget_api.errors import FieldError, Invalid
from widget_api.outbound import Answer, Failed, Forbidden, Outbound
from widget_api.sites import origins
from widget_api.sites.install import markup, policy
from widget_api.sites.install.markup import Markup, Script
from widget_api.sites.model import Site
from widget_api.web import releases

LARGEST_PAGE = 1024 * 1024
_REDIRECTS = 3
_MOVED = (301, 302, 303, 307, 308)

State = Literal["ok", "note", "wrong"]
KeyState = Literal["current", "old", "expired", "foreign"]


@dataclass(frozen=True)
class Line:
    """One thing looked at. `code` names its texts (`install.lines.<code>`), `values` fill their gaps."""

    state: State
    code: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Service:
    """What a page is held against."""

    public_url: str
    keys: Mapping[str, KeyState]  # of the site


async def fetch(outbound: Outbound, site: Site, url: str, *, private: bool) -> tuple[str, Answer]:
    """The page and its address after redirects, which lead to registered origins only.

    `private`: addresses of the own network are allowed, which is for development alone.
    Raises Invalid (not a page of the site), Forbidden, Failed.
    """
    address = url
    for _ in range(_REDIRECTS + 1):
        _check(site, address)
        answer = await outbound.request("GET", address, operator=private, limit=LARGEST_PAGE)
        if answer.status not in _MOVED or "location" not in answer.headers:
            return address, answer
        try:
            address = urljoin(address, answer.headers["location"])
        except ValueError:
            raise Failed("redirected to what is no address") from None
    raise Failed("too many redirects")


def _check(site: Site, url: str) -> None:
    try:
        registered = origins.of_url(url) in site.origins
    except origins.NotAnOrigin:
        registered = False
    if not registered or len(url) > 2000:
        raise Invalid((FieldError("url", "foreign_page", (("value", url[:200]),)),))


async def inspect(
    outbound: Outbound, site: Site, service: Service, url: str, *, private: bool
) -> tuple[str, list[Line]]:
    """The address looked at and what was found there. Raises Invalid where it is none of the site's."""
    try:
        address, answer = await fetch(outbound, site, url, private=private)
    except Forbidden as error:
        return url, [Line("wrong", "forbidden", {"reason": str(error)})]
    except Failed as error:
        code = "too_large" if "larger than" in str(error) else "unreachable"
        return url, [Line("wrong", code, {"reason": str(error)[:120]})]
    return address, await asyncio.to_thread(judge, service, address, answer)


def judge(service: Service, address: str, answer: Answer) -> list[Line]:
    """Every line of the check for a page that came."""
    if answer.status != 200:
        return [Line("wrong", "status", {"status": str(answer.status)})]
    if "html" not in answer.content_type.lower():
        return [Line("wrong", "not_html", {"type": answer.content_type[:60] or "—"})]
    found = markup.read(answer.body.decode("utf-8", "replace"), address)
    policies = policy.parse(answer.headers.get("content-security-policy", ""))
    for text in found.policies:
        policies += policy.parse(text, meta=True)
    lines = _snippet(found)
    if not (found.elements or found.frames or found.links or found.scripts):
        return lines
    lines += _scripts(service, found, address)
    lines += _keys(service, found)
    if urlsplit(address).scheme == "https" and service.public_url.startswith("http://"):
        lines.append(Line("wrong", "mixed_content", {"w": service.public_url}))
    if found.elements or found.frames:
        lines += _policies(service, found, policies, address)
    return lines


def _snippet(found: Markup) -> list[Line]:
    if found.elements:
        return [Line("ok", "element", {"count": str(len(found.elements))})]
    if found.frames:
        return [Line("ok", "frame")]
    if found.scripts:
        return [Line("wrong", "element_missing")]
    if found.links:
        return [Line("note", "link_only")]
    return [Line("wrong", "nothing")]


def _scripts(service: Service, found: Markup, address: str) -> list[Line]:
    if not found.elements:
        return []
    if not found.scripts:
        return [Line("wrong", "script_missing", {"link": "yes" if found.links else ""})]
    lines: list[Line] = []
    for script in found.scripts[:3]:
        if not script.address.startswith(f"{service.public_url}/w/"):
            lines.append(Line("ok", "script_own", {"address": script.address[:200]}))
            if not _names_service(script, found):
                lines.append(Line("wrong", "api_missing", {"w": service.public_url}))
        elif script.version.isdigit():
            lines.append(Line("ok", "script_following", {"version": script.version}))
        else:
            lines.append(_pinned(script))
        lines += _integrity(script, address)
    return lines


def _names_service(script: Script, found: Markup) -> bool:
    """A copy of the files learns the service's address from its own tag; release 1.0.0 reads the elements instead."""
    if script.version == "1.0.0":
        return all(element.get("api") for element in found.elements)
    return bool(script.attributes.get("data-api"))


def _pinned(script: Script) -> Line:
    known, version = releases.list_versions(), script.version
    if version not in known:
        return Line("wrong", "release_unknown", {"version": version})
    newest = releases.newest_version(version.split(".")[0])
    if version != newest:
        return Line("note", "release_old", {"version": version, "newest": newest})
    return Line("ok", "release_newest", {"version": version})


def _integrity(script: Script, address: str) -> list[Line]:
    """SRI: the hash is that of the release, and a foreign script with one needs `crossorigin`."""
    given = script.attributes.get("integrity", "").split()
    if not given:
        return [] if script.version.isdigit() else [Line("note", "integrity_absent")]
    if script.version.isdigit():
        return [Line("wrong", "integrity_following")]
    lines = []
    if script.version in releases.list_versions():
        right = releases.integrity_hash(script.version, "loader.js")
        lines.append(Line("ok", "integrity") if right in given else Line("wrong", "integrity_wrong", {"right": right}))
    if "crossorigin" not in script.attributes and origins.of_url(script.address) != origins.of_url(address):
        lines.append(Line("wrong", "crossorigin_absent"))
    return lines


def _keys(service: Service, found: Markup) -> list[Line]:
    keys = [one.get("site-key", "") for one in found.elements] + [key for _, key in found.frames + found.links]
    return [
        Line({"current": "ok", "old": "note"}.get(state, "wrong"), f"key_{state}", {"site_key": key[:64] or "—"})  # type: ignore[arg-type]
        for key in dict.fromkeys(keys)
        for state in (service.keys.get(key, "foreign"),)
    ]


def _policies(service: Service, found: Markup, policies: list[policy.Policy], address: str) -> list[Line]:
    """A line for each thing the widget needs of the page's policy."""
    if not policies:
        return [Line("ok", "policy_none")]
    if policy.sandboxed(policies):
        return [Line("wrong", "policy_sandbox")]
    w = service.public_url
    if found.elements:
        script = found.scripts[0] if found.scripts else Script(f"{w}/w/1/loader.js", "1", {})
        folder = script.address.rpartition("/")[0]
        needs = [
            ("script-src-elem", script.address, "script", origins.of_url(script.address)),
            ("script-src-elem", f"{folder}/widget.js", "chunks", origins.of_url(script.address)),
            ("connect-src", f"{w}/api/v1/sites/wk/challenge", "connect", w),
            ("img-src", f"{w}/photos/1.jpg", "pictures", w),
            ("img-src", f"blob:{address}", "previews", "blob:"),
        ]
    else:
        script = Script("", "", {})
        needs = [("frame-src", found.frames[0][0], "frames", w)]
    lines = []
    for directive, url, what, source in needs:
        nonce, integrity = script.attributes.get("nonce", ""), script.attributes.get("integrity", "")
        verdict = policy.judge(
            policies, directive, url, address, nonce=nonce, integrity=integrity if what == "script" else ""
        )
        state: State = {"allowed": "ok", "conditional": "wrong", "blocked": "wrong"}[verdict.outcome]  # type: ignore[assignment]
        if state == "wrong" and what == "previews":
            state = "note"  # all but the previews of photos works
        named = directive.removesuffix("-elem")
        values = {"directive": named, "by": verdict.directive or named, "source": source}
        outcome = "dynamic" if verdict.dynamic and state == "wrong" else verdict.outcome
        lines.append(Line(state, f"policy_{what}_{outcome}", values))
    if any("require-trusted-types-for" in one for one in policies):
        lines.append(Line("ok", "policy_trusted_types"))
    return lines
