"""Names made of a digest are whole: half a digest is a name that somebody else can give another thing."""

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
# What is cut on purpose: no stranger gains by two of a name, or they cannot look for them.
KNOWN = {
    "cabinet/moderation_by_mail.py": "inside a signed token",
    "platform/store/log.py": "128 bits, and a platform could confuse its own messages alone; kept for those stored",
    "platform/webhook.py": "128 bits of identifiers that are ours",
    "sites/tickets.py": "senders under each process's key; 128 bits of what one ticket bought, kept for two hours",
}
# Two searches whose lists shared a fingerprint of twelve characters, and with it ETag and cached answer: found within a
# minute on one core.
TWINS = ("41312468537b", "f5b8f9562983")


def test_two_questions_never_share_a_tag() -> None:
    asked = [Filters(words=words).fingerprint("site") for words in TWINS]
    old = [
        hashlib.sha256(repr(("site", Filters(words=one).selection, "new")).encode()).hexdigest()[:12] for one in TWINS
    ]
    assert old[0] == old[1] == "20b03162f059", "it would not be a test"
    assert asked[0] != asked[1]
    assert web.make_etag(1, "list", asked[0]) != web.make_etag(1, "list", asked[1])


def test_a_tag_is_a_whole_digest() -> None:
    assert re.fullmatch(r'"[0-9a-f]{64}"', web.make_etag("anything"))
    assert re.fullmatch(r'W/"[0-9a-f]{64}"', web.make_etag("anything", weak=True))


async def test_a_version_of_the_consent_names_its_text_alone(database: Database, settings: Settings) -> None:
    document = await consent.current_document(database, await make_site(database), settings, "ru")
    assert document.version == document.hash == hashlib.sha256(document.body.encode()).hexdigest()


def test_no_digest_is_cut_short() -> None:
    found = {
        str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py") if CUT.search(path.read_text(encoding="utf-8"))
    }
    assert found == set(KNOWN)
