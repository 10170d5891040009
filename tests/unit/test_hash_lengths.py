"""Names derived from a digest use the whole digest: shortened ones allow collisions."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from tests.factories import make_site
from widget_api import web
from widget_api.browse.listing.filters import Filters
from widget_api.database import Database
from widget_api.settings import Settings
from widget_api.sites import consent

PACKAGE = Path(__file__).parents[2] / "widget_api"
CUT = re.compile(r"digest_size|(?:hex)?digest\(\)\[")
# Deliberately shortened: collisions are useless to attackers, or cannot be searched for.
KNOWN = {
    "comments/moderation.py": "inside a signed token",
    "platform/store/log.py": "128 bits, and a platform could confuse its own messages alone; kept for those stored",
    "platform/webhook.py": "128 bits of identifiers that are ours",
    "sites/tickets.py": "senders under each process's key; 128 bits of what one ticket bought, kept for two hours",
}
# Two searches whose lists shared a twelve-character fingerprint, and so the ETag and cached answer: found within a
# minute on one core.
TWINS = ("e59089fc7eef", "cd5f0418139e")


def test_two_queries_never_share_an_etag() -> None:
    asked = [Filters(words=words).fingerprint("site") for words in TWINS]
    old = [
        hashlib.sha256(repr(("site", Filters(words=one).selection, "new")).encode()).hexdigest()[:12] for one in TWINS
    ]
    assert old[0] == old[1] == "d1aecf1d03bd", "it would not be a test"
    assert asked[0] != asked[1]
    assert web.make_etag(1, "list", asked[0]) != web.make_etag(1, "list", asked[1])


def test_no_digest_is_shortened() -> None:
    assert re.fullmatch(r'"[0-9a-f]{64}"', web.make_etag("anything"))
    assert re.fullmatch(r'W/"[0-9a-f]{64}"', web.make_etag("anything", weak=True))
    found = {
        str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py") if CUT.search(path.read_text(encoding="utf-8"))
    }
    assert found == set(KNOWN)


async def test_a_consent_version_identifies_its_text(database: Database, settings: Settings) -> None:
    document = await consent.current_document(database, await make_site(database), settings, "ru")
    assert document.version == document.hash == hashlib.sha256(document.body.encode()).hexdigest()
