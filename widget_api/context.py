"""Define the resources of a running process: created once at start and passed as an argument, never a global."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from widget_api.attachments.photos.intake import Intake
from widget_api.attachments.storage import Storage
from widget_api.database import Database
from widget_api.journal import Repeats
from widget_api.outbound import Outbound
from widget_api.settings import Settings
from widget_api.signing import Signer
from widget_api.web.fair_queue import MAX_CONCURRENT_READS, FairQueue

if TYPE_CHECKING:
    from widget_api.sites.install.sightings import Sightings
    from widget_api.sites.tickets import Challenges
    from widget_api.tiles.service import Tiles
    from widget_api.web.brute_force import GuessThrottle
    from widget_api.web.limits import RateLimiter


@dataclass(frozen=True, kw_only=True)
class Context:
    """The resources of a process, at `app.state.context`; a separate worker has its own."""

    settings: Settings
    database: Database
    signer: Signer
    limits: RateLimiter
    guesses: GuessThrottle
    challenges: Challenges
    sightings: Sightings
    storage: Storage
    tiles: Tiles
    failures: Repeats = field(default_factory=Repeats)  # failed sign-ins by user
    streaming: asyncio.Lock = field(default_factory=asyncio.Lock)  # held while a piece of a long response is made
    turns: FairQueue = field(default_factory=FairQueue)  # of public pages and reads
    read_queue: FairQueue = field(default_factory=lambda: FairQueue(MAX_CONCURRENT_READS))
    fetching: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))  # downloads of pictures
    intake: Intake = field(default_factory=Intake)
    outbound: Outbound = field(default_factory=Outbound)  # close it at the end
