"""Define the actions of visitors, what each says of itself, and what becomes of a link that confirms one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from widget_api import clock

Act = Literal["vote", "join", "contact"]
# Of a row and its link: it can be confirmed; it is; it was withdrawn, or its entry takes none any more; voices are not
# counted yet, or no more; the person has given all voices.
State = Literal["waiting", "done", "gone", "early", "closed", "full"]


COUNTED: tuple[Act, ...] = ("vote", "join")  # in `participants` of an entry, which is public
TEXT_LENGTH = (3, 2000)  # characters
MAX_NAME_LENGTH = 60
MAX_ROLE_LENGTH = 60
MAX_ROLES = 12
LETTERS_A_DAY = 5  # to a mailbox, beside those about reports: a person may vote for several entries in a day
MESSAGES_A_DAY = 3  # from an author to all who joined
REQUESTS_A_DAY = 30  # to the author of an entry, from whomever: addresses to confirm with cost a flooder nothing
BURST = 5  # confirmed in an hour from one network: shown to the agency
BURST_SECONDS = clock.HOUR


@dataclass(frozen=True, kw_only=True)
class Words:
    """What a person says beside the address. A voice says nothing."""

    name: str | None = None
    role: str | None = None
    text: str | None = None
    show_email: bool = False


def split_roles(answer: object) -> tuple[str, ...]:
    """The roles that an entry names in its answer: «садовник, водитель» or a list."""
    parts = answer if isinstance(answer, list) else re.split(r"[,;\n]", str(answer or ""))
    named = (" ".join(str(part).split())[:MAX_ROLE_LENGTH] for part in parts)
    return tuple(dict.fromkeys(one for one in named if one))[:MAX_ROLES]


def find_bursts(arrivals: Sequence[tuple[str, str, int]]) -> dict[str, int]:
    """Rows (id, network, time) of which BURST or more came from one network within an hour, by the number of that
    network's burst, from 1 on."""
    networks: dict[str, list[tuple[int, str]]] = {}
    for row_id, network, at in arrivals:
        networks.setdefault(network, []).append((at, row_id))
    marked: dict[str, int] = {}
    bursts = 0
    for rows in networks.values():
        rows.sort()
        close = {
            row_id
            for first in range(len(rows) - BURST + 1)
            if rows[first + BURST - 1][0] - rows[first][0] < BURST_SECONDS
            for _, row_id in rows[first : first + BURST]
        }
        bursts += bool(close)
        marked |= dict.fromkeys(close, bursts)
    return marked
