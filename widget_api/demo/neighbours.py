"""Add followers and comments to the demonstration, one of which waits for moderation."""

from __future__ import annotations

from widget_api import i18n
from widget_api.comments import service as discussion
from widget_api.comments.model import Comment
from widget_api.database import Database, Row
from widget_api.followers import service as following
from widget_api.problems.persons import Person
from widget_api.problems.store import followers
from widget_api.problems.store.contacts import email_hash
from widget_api.sites.model import Site

_NEIGHBOURS = ("vera", "oleg", "timur")


async def add_neighbours(database: Database, town: Site) -> None:
    """Add two comments, one of the agency and a waiting one to the newest problem in progress, and followers."""
    problem = await _busiest(database, town)
    for name in _NEIGHBOURS:
        await _follow(database, town, problem, name)
    await _say(database, town, problem, "vera", publish=True)
    await discussion.post_official_comment(database, town, problem["id"], _text("official"), None)
    await _say(database, town, problem, "oleg", publish=True)
    await _say(database, town, problem, "timur", publish=False)


async def _busiest(database: Database, town: Site) -> Row:
    row = await database.row(
        "SELECT id, number FROM problems WHERE site_id = :site_id AND published"
        " ORDER BY CASE WHEN status = 'in_progress' THEN 0 ELSE 1 END, created_at DESC LIMIT 1",
        site_id=town.id,
    )
    assert row is not None, "a town without problems"
    return row


def _text(name: str) -> str:
    return i18n.text("ru", f"demo.people.{name}")


def _person(name: str) -> Person:
    return Person(
        email=f"{name}@resident.example",
        language="ru",
        consent_version="demo",
        consent_hash="demo",
        ip=None,
        name_version="demo",
        name_hash="demo",
    )


async def _follow(database: Database, town: Site, problem: Row, name: str) -> None:
    await following.follow_problem(database, town.id, problem["number"], _person(name), None)
    hashed = email_hash(_person(name).email)
    for row in await followers.list_of_address(database, hashed):
        await following.confirm_following(database, row)


async def _say(database: Database, town: Site, problem: Row, name: str, *, publish: bool) -> None:
    comment = Comment(name=_text(f"{name}.name"), text=_text(f"{name}.text"))
    await discussion.post_comment(database, town, problem["number"], comment, _person(name))
    row = await database.row(
        "SELECT c.id, c.site_id FROM comments c JOIN commenters w ON w.comment_id = c.id"
        " WHERE c.site_id = :site_id AND w.email_hash = :hash",
        site_id=town.id,
        hash=email_hash(_person(name).email),
    )
    assert row is not None, "it was posted just now"
    await discussion.confirm_comment(database, row)
    if publish:
        await discussion.decide_comment(database, town.id, row["id"], "published", None)
