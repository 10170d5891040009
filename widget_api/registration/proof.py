"""Look for the proof that a domain is an applicant's: a file, a meta tag on the home page, or a DNS record.

Nothing but the site itself is asked: redirects are followed to its host alone, with www or without, and in production
never into private networks.
"""

from __future__ import annotations

import asyncio
import codecs
from urllib.parse import urlsplit

from widget_api.errors import Invalid
from widget_api.outbound import Failed, Forbidden, Outbound, TooLong
from widget_api.registration.model import PROOF_NAME, PROOF_PATH, Method, Sight, proof_text
from widget_api.settings import Settings
from widget_api.sites import origins
from widget_api.sites.install import inspection, markup

_DNS_SECONDS = 8.0
# Encodings of a file by its first bytes: a byte order mark, or in UTF-16 without one the first letter of the proof.
_ENCODINGS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16", b"i\0": "utf-16-le", b"\0i": "utf-16-be"}
_MAX_SHOWN = 120  # characters of what was found instead


async def look(outbound: Outbound, settings: Settings, origin: str, token: str, method: Method) -> Sight:
    """Look once for a proof of an origin, where `method` says."""
    if method == "dns":
        return await _look_in_dns(settings, origins.host_of(origin), proof_text("dns", token))
    url = f"{origin}{PROOF_PATH}" if method == "file" else f"{origin}/"
    parts = urlsplit(origin)
    bare = parts.netloc.removeprefix("www.")
    own = {f"{scheme}://{www}{bare}" for scheme in {parts.scheme, "https"} for www in ("", "www.")}
    try:
        _, answer = await inspection.fetch_page(outbound, own, url, private=not settings.production)
    except Invalid as error:
        return Sight("elsewhere", {"address": str(dict(error.fields[0].values)["value"])})
    except Forbidden:
        return Sight("forbidden")
    except TooLong:
        return Sight("large")
    except Failed as error:
        return Sight("unreachable", {"reason": str(error)[:_MAX_SHOWN]})
    if answer.status >= 500:
        return Sight("unreachable", {"reason": f"HTTP {answer.status}"})
    if answer.status != 200:
        return Sight(f"{method}_status", {"status": str(answer.status)})
    text = answer.body.decode(_ENCODINGS.get(answer.body[:2], "utf-8-sig"), "replace")
    if method == "meta":
        if "html" not in answer.content_type.lower():
            return Sight("meta_type", {"type": _shorten(answer.content_type) or "—"})
        return await asyncio.to_thread(_look_for_tag, text, token)
    if text.strip() == proof_text("file", token):
        return Sight("found")
    return Sight("file_other", {"value": _shorten(text)}) if text.strip() else Sight("file_empty")


def _look_for_tag(page: str, token: str) -> Sight:
    """Look in the head alone: what visitors write stands in the body, in data of scripts or in other files."""
    found = ""
    for name, attributes in markup.iterate_head(page):
        if name == "meta" and attributes.get("name", "").lower() == PROOF_NAME:
            if attributes.get("content", "").strip() == token:
                return Sight("found")
            found = found or attributes.get("content", "") or "—"
    return Sight("meta_other", {"value": _shorten(found)}) if found else Sight("meta_missing")


async def _look_in_dns(settings: Settings, host: str, expected: str) -> Sight:
    import dns.asyncresolver  # only a process that looks for a record needs it
    import dns.exception
    import dns.nameserver
    import dns.resolver

    try:
        resolver = dns.asyncresolver.Resolver(configure=not settings.dns)
        if settings.dns:
            resolver.nameservers = [dns.nameserver.Do53Nameserver(address, port) for address, port in settings.dns]
        answer = await resolver.resolve(host, "TXT", lifetime=_DNS_SECONDS)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return Sight("dns_missing", {"host": host})
    except (dns.exception.DNSException, OSError) as error:
        return Sight("unreachable", {"reason": (str(error) or type(error).__name__)[:_MAX_SHOWN]})
    texts = [b"".join(record.strings).decode("utf-8", "replace").strip() for record in answer]
    if expected in texts:
        return Sight("found")
    ours = next((text for text in texts if text.startswith(PROOF_NAME)), None)
    return Sight("dns_missing", {"host": host}) if ours is None else Sight("dns_other", {"value": _shorten(ours)})


def _shorten(text: str) -> str:
    line = " ".join("".join(one if one.isprintable() else " " for one in text[: 4 * _MAX_SHOWN]).split())
    return line if len(line) <= _MAX_SHOWN else line[:_MAX_SHOWN] + "…"
