"""The registry of sinks: where an event can be delivered, by which handler, and who may see the delivery.

A sink is a whole name, or a prefix that ends in a colon and is followed by an identifier. A new one needs an entry
here, the text `cabinet.sink.<kind>`, and a call that enqueues deliveries to it.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from widget_api.context import Context
    from widget_api.deliveries.model import Delivery

    Handler = Callable[[Context, Delivery], Awaitable[None]]

RESIDENT = "resident"  # the author
AUTHOR = "author:"  # the author of a report merged into the problem: author:<report>
AGENCY = "agency"
SERVICE = "service:"  # a subordinate service to which the report was assigned: service:<agency>
MAILBOX = "mailbox:"  # the sender of a letter of the agency, about its outcome: mailbox:<letter>
REMINDER = "reminder:"  # the agency, about a due date that comes or has passed: reminder:<kind>:<day>
PLATFORM = "platform:"
MEDIA = "media"  # no recipient: downloads pictures of which an event has the URLs
REPORTS = "reports"  # a resident's letter with the link to all their reports: requested, caused by no event
LINK = "link"  # a resident's letter with the new link of their private page, after they changed it
FOLLOWER = "follower:"  # a follower of the problem
PARTICIPANT = "participant:"  # who takes part in an entry: participant:<row>[:<text of the author's letter>]
REQUEST = "request:"  # the entry's author, or the agency: request:<row of the sender>
COMMENTER = "commenter:"  # the author of a comment: commenter:<comment>:<subject of the letter>
USER = "user:"  # a person of the cabinet: user:<person>:<kind of notice>:<what makes it one>
MODERATOR = "moderator:"  # the site's moderator, by mail: moderator:<comment that caused the letter>


@dataclass(frozen=True, kw_only=True)
class Sink:
    """The operator sees every delivery. The agency sees those of its sites that go to a sink `seen_by_agency`."""

    name: str
    kind: str  # groups sinks in filters; its label is `cabinet.sink.<kind>`
    handler: str  # module:function, resolved when the worker starts
    seen_by_agency: bool = True  # False for letters that people requested from the operator
    wider: bool = False  # concerns more than its event's problem: not dropped with it, not shown in its history

    def takes(self, name: str) -> bool:
        return name.startswith(self.name) if self.name.endswith(":") else name == self.name


SINKS: Sequence[Sink] = (
    Sink(name=PLATFORM, kind="platform", handler="widget_api.platform.push:deliver"),
    Sink(name=AGENCY, kind="agency", handler="widget_api.problems.notify:deliver"),
    Sink(name=SERVICE, kind="service", handler="widget_api.problems.notify:deliver_to_service"),
    Sink(name=MAILBOX, kind="agency", handler="widget_api.mailbox.outcome:deliver"),
    Sink(name=REMINDER, kind="reminder", handler="widget_api.mailbox.reminders:deliver"),
    Sink(name=RESIDENT, kind="resident", handler="widget_api.residents.author_mail:deliver_to_author"),
    Sink(name=AUTHOR, kind="resident", handler="widget_api.followers.mail:deliver_to_merged_author"),
    Sink(name=MEDIA, kind="media", handler="widget_api.problems.remote_pictures:deliver"),
    Sink(
        name=REPORTS,
        kind="reader",
        handler="widget_api.residents.author_mail:deliver_reports_link",
        seen_by_agency=False,
    ),
    Sink(
        name=LINK, kind="reader", handler="widget_api.residents.author_mail:deliver_private_link", seen_by_agency=False
    ),
    Sink(name=FOLLOWER, kind="reader", handler="widget_api.followers.mail:deliver_to_follower", seen_by_agency=False),
    Sink(
        name=PARTICIPANT,
        kind="reader",
        handler="widget_api.participation.mail:deliver_to_participant",
        seen_by_agency=False,
    ),
    Sink(name=REQUEST, kind="reader", handler="widget_api.participation.mail:deliver_request", seen_by_agency=False),
    Sink(name=COMMENTER, kind="reader", handler="widget_api.comments.mail:deliver_to_commenter", seen_by_agency=False),
    Sink(
        name=USER,
        kind="user",
        handler="widget_api.people.notice_letters:deliver",
        seen_by_agency=False,
        wider=True,
    ),
    Sink(
        name=MODERATOR,
        kind="moderator",
        handler="widget_api.comments.moderation:deliver_to_moderator",
        seen_by_agency=False,
        wider=True,
    ),
)
WIDER = tuple(sink.name for sink in SINKS if sink.wider)
KINDS: Mapping[str, Sequence[Sink]] = {
    kind: [sink for sink in SINKS if sink.kind == kind] for kind in dict.fromkeys(sink.kind for sink in SINKS)
}
SEEN_BY_AGENCY = tuple(kind for kind, sinks in KINDS.items() if all(sink.seen_by_agency for sink in sinks))


def find_sink(name: str) -> Sink:
    """Return the sink of a name. Raises LookupError if there is none."""
    sink = next((sink for sink in SINKS if sink.takes(name)), None)
    if sink is None:
        raise LookupError(name)
    return sink


def resolve_handler(name: str) -> Handler:
    """Import the function that delivers to a sink. Raises LookupError."""
    return cast("Handler", pkgutil.resolve_name(find_sink(name).handler))


def sql_condition(column: str, chosen: Sequence[Sink]) -> str:
    """Return an SQL condition that matches these sinks. Their names are constants, never input."""
    conditions = [
        f"{column} LIKE '{sink.name}%'" if sink.name.endswith(":") else f"{column} = '{sink.name}'" for sink in chosen
    ]
    return f"({' OR '.join(conditions) or 'FALSE'})"


# Shown on the page of a report, to the agency and to the operator alike.
OF_REPORT = sql_condition("d.sink", [sink for sink in SINKS if sink.seen_by_agency and not sink.wider])
