"""Check one page of a site: whether the snippet is present, complete and current, and the page's CSP permits it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
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

MAX_PAGE_SIZE = 1024 * 1024
_MAX_REDIRECTS = 3
_REDIRECT_STATUSES = (301, 302, 303, 307, 308)

State = Literal["ok", "note", "wrong"]
KeyState = Literal["current", "old", "expired", "foreign"]


@dataclass(frozen=True)
class CheckLine:
    """One result. `code` names its texts (`install.lines.<code>`), `values` are their placeholders."""

    state: State
    code: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ExpectedService:
    """What a page is checked against."""

    public_url: str
    keys: Mapping[str, KeyState]  # of the site


async def fetch_page(outbound: Outbound, registered: Collection[str], url: str, *, private: bool) -> tuple[str, Answer]:
    """Fetch a page. Returns its address after redirects, which may lead to registered origins only, and the response.

    `private` permits addresses of the local network, for development alone. Raises Invalid (not a page of the site),
    Forbidden, Failed.
    """
    address = url
    for _ in range(_MAX_REDIRECTS + 1):
        _check_address(registered, address)
        answer = await outbound.request("GET", address, operator=private, limit=MAX_PAGE_SIZE)
        if answer.status not in _REDIRECT_STATUSES or "location" not in answer.headers:
            return address, answer
        try:
            address = urljoin(address, answer.headers["location"])
        except ValueError:
            raise Failed("redirected to what is no address") from None
    raise Failed("too many redirects")


def _check_address(registered: Collection[str], url: str) -> None:
    try:
        ours = origins.origin_of_url(url) in registered
    except origins.InvalidOrigin:
        ours = False
    if not ours or len(url) > 2000:
        raise Invalid((FieldError("url", "foreign_page", (("value", url[:200]),)),))


async def inspect_page(
    outbound: Outbound, site: Site, service: ExpectedService, url: str, *, private: bool
) -> tuple[str, list[CheckLine]]:
    """Fetch and check a page. Returns its final address and the results. Raises Invalid (not a page of the site)."""
    try:
        address, answer = await fetch_page(outbound, site.origins, url, private=private)
    except Forbidden as error:
        return url, [CheckLine("wrong", "forbidden", {"reason": str(error)})]
    except Failed as error:
        code = "too_large" if "larger than" in str(error) else "unreachable"
        return url, [CheckLine("wrong", code, {"reason": str(error)[:120]})]
    return address, await asyncio.to_thread(check_page, service, address, answer)


def check_page(service: ExpectedService, address: str, answer: Answer) -> list[CheckLine]:
    """All results for a fetched page."""
    if answer.status != 200:
        return [CheckLine("wrong", "status", {"status": str(answer.status)})]
    if "html" not in answer.content_type.lower():
        return [CheckLine("wrong", "not_html", {"type": answer.content_type[:60] or "—"})]
    found = markup.parse_markup(answer.body.decode("utf-8", "replace"), address)
    policies = policy.parse_policies(answer.headers.get("content-security-policy", ""))
    for text in found.policies:
        policies += policy.parse_policies(text, meta=True)
    lines = _check_snippet(found)
    if not (found.elements or found.frames or found.links or found.scripts):
        return lines
    lines += _check_scripts(service, found, address)
    lines += _check_keys(service, found)
    if urlsplit(address).scheme == "https" and service.public_url.startswith("http://"):
        lines.append(CheckLine("wrong", "mixed_content", {"w": service.public_url}))
    if found.elements or found.frames:
        lines += _check_policies(service, found, policies, address)
    return lines


def _check_snippet(found: Markup) -> list[CheckLine]:
    if found.elements:
        return [CheckLine("ok", "element", {"count": str(len(found.elements))})]
    if found.frames:
        return [CheckLine("ok", "frame")]
    if found.scripts:
        return [CheckLine("wrong", "element_missing")]
    if found.links:
        return [CheckLine("note", "link_only")]
    return [CheckLine("wrong", "nothing")]


def _check_scripts(service: ExpectedService, found: Markup, address: str) -> list[CheckLine]:
    if not found.elements:
        return []
    if not found.scripts:
        return [CheckLine("wrong", "script_missing", {"link": "yes" if found.links else ""})]
    lines: list[CheckLine] = []
    for script in found.scripts[:3]:
        if not script.address.startswith(f"{service.public_url}/w/"):
            lines.append(CheckLine("ok", "script_own", {"address": script.address[:200]}))
            if not _names_service(script, found):
                lines.append(CheckLine("wrong", "api_missing", {"w": service.public_url}))
        elif script.version.isdigit():
            lines.append(_check_following(script.version))
        else:
            lines.append(_check_release(script))
        lines += _check_integrity(script, address)
    return lines


def _names_service(script: Script, found: Markup) -> bool:
    """Whether a self-hosted copy knows the service's address: from its own tag, or in 1.0.0 from the elements."""
    if releases.names_service_by_element(script.version):
        return all(element.get("api") for element in found.elements)
    return bool(script.attributes.get("data-api"))


def _check_following(major: str) -> CheckLine:
    if not any(version.split(".")[0] == major for version in releases.list_versions()):
        return CheckLine("wrong", "release_unknown", {"version": major})
    if build := releases.served_build(major):
        return CheckLine("ok", "script_following_build", {"version": major, "build": build})
    return CheckLine("ok", "script_following", {"version": major})


def _check_release(script: Script) -> CheckLine:
    version = script.version
    if not releases.is_released(version):
        code = "release_unreleased" if version in releases.list_versions() else "release_unknown"
        return CheckLine("wrong", code, {"version": version})
    newest = releases.newest_release(version.split(".")[0])
    if version != newest:
        return CheckLine("note", "release_old", {"version": version, "newest": newest})
    return CheckLine("ok", "release_newest", {"version": version})


def _check_integrity(script: Script, address: str) -> list[CheckLine]:
    """Check SRI: the hash must be that of the release, and a cross-origin script with one needs `crossorigin`."""
    given = script.attributes.get("integrity", "").split()
    released = releases.is_released(script.version)
    if not given:
        return [CheckLine("note", "integrity_absent")] if released else []
    if script.version.isdigit():
        return [CheckLine("wrong", "integrity_following")]
    lines = []
    if released:
        right = releases.integrity_hash(script.version, "loader.js")
        lines.append(
            CheckLine("ok", "integrity") if right in given else CheckLine("wrong", "integrity_wrong", {"right": right})
        )
    if "crossorigin" not in script.attributes and origins.origin_of_url(script.address) != origins.origin_of_url(
        address
    ):
        lines.append(CheckLine("wrong", "crossorigin_absent"))
    return lines


def _check_keys(service: ExpectedService, found: Markup) -> list[CheckLine]:
    keys = [one.get("site-key", "") for one in found.elements] + [key for _, key in found.frames + found.links]
    return [
        CheckLine({"current": "ok", "old": "note"}.get(state, "wrong"), f"key_{state}", {"site_key": key[:64] or "—"})  # type: ignore[arg-type]
        for key in dict.fromkeys(keys)
        for state in (service.keys.get(key, "foreign"),)
    ]


def _check_policies(
    service: ExpectedService, found: Markup, policies: list[policy.Policy], address: str
) -> list[CheckLine]:
    """One result for each permission that the widget needs of the page's CSP."""
    if not policies:
        return [CheckLine("ok", "policy_none")]
    if policy.is_sandboxed(policies):
        return [CheckLine("wrong", "policy_sandbox")]
    w = service.public_url
    if found.elements:
        script = found.scripts[0] if found.scripts else Script(f"{w}/w/1/loader.js", "1", {})
        folder = script.address.rpartition("/")[0]
        needs = [
            ("script-src-elem", script.address, "script", origins.origin_of_url(script.address)),
            ("script-src-elem", f"{folder}/widget.js", "chunks", origins.origin_of_url(script.address)),
            ("connect-src", f"{w}/api/v1/sites/wk/challenge", "connect", w),
            ("img-src", f"{w}/photos/1.jpg", "pictures", w),
            ("img-src", f"blob:{address}", "previews", "blob:"),
        ]
    else:
        script = Script("", "", {})
        needs = [("frame-src", found.frames[0][0], "frames", w)]
    nonce, integrity = script.attributes.get("nonce", ""), script.attributes.get("integrity", "")
    judged = [
        policy.judge_request(
            policies, directive, url, address, nonce=nonce, integrity=integrity if what == "script" else ""
        )
        for directive, url, what, _ in needs
    ]
    missing: dict[str, list[str]] = {}
    for (directive, _, _, source), verdict in zip(needs, judged, strict=True):
        if verdict.outcome != "allowed":
            missing.setdefault(directive, []).append(source)
    lines = []
    for (directive, _, what, _), verdict in zip(needs, judged, strict=True):
        state: State = {"allowed": "ok", "conditional": "wrong", "blocked": "wrong"}[verdict.outcome]  # type: ignore[assignment]
        if state == "wrong" and what == "previews":
            state = "note"  # only the previews of photos fail
        wanted = verdict.permit(directive, dict.fromkeys(missing.get(directive, ())))
        values = {"by": verdict.directive or directive, "line": wanted}
        outcome = "dynamic" if verdict.dynamic and state == "wrong" else verdict.outcome
        lines.append(CheckLine(state, f"policy_{what}_{outcome}", values))
    if any("require-trusted-types-for" in one for one in policies):
        lines.append(CheckLine("ok", "policy_trusted_types"))
    return lines
