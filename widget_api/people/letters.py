"""Write the letters to a user about the own account: a new password, a removed second factor, another provider."""

from __future__ import annotations

from collections.abc import Callable
from email.message import EmailMessage

from widget_api import i18n
from widget_api.context import Context
from widget_api.database import Row
from widget_api.mail import outbox
from widget_api.people import accounts_store


def to_users(template: str, place: str | Callable[[Context, Row], str], lifetime: int | None = None) -> outbox.Handler:
    """Handle the letters of a kind that have a template of that name, and a user as subject.

    `place` is where its button leads: a path, or what makes the address for a user. A letter is not sent to a user who
    may not sign in, and is given up after `lifetime` seconds.
    """

    async def write(context: Context, letter: outbox.Letter) -> EmailMessage | None:
        user = await accounts_store.find_by_id(context.database, letter.subject)
        if user is None or not await accounts_store.may_sign_in(context.database, user["id"]):
            return None
        agency = await accounts_store.find_agency_name(context.database, user["agency_id"])
        whose = agency or i18n.text(user["language"], "cabinet.operator")
        url = context.settings.public_url + place if isinstance(place, str) else place(context, user)
        values = {"url": url, "email": user["email"]}
        parts = (letter.kind, letter.id)
        return outbox.compose(context, template, user["language"], user["email"], whose, parts, **values)

    return outbox.Handler(template, write, lifetime=lifetime)
