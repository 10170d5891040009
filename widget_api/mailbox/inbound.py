"""Receive letters in a step of the worker, by LMTP or IMAP as the settings say."""

from __future__ import annotations

import asyncio
import errno
import logging

from widget_api import clock, schedule
from widget_api.context import Context

log = logging.getLogger(__name__)
LISTENER_RETRY_PAUSE = 5.0  # seconds between attempts to listen while another process does
POLL_INTERVAL = 20  # seconds between two polls of a mailbox
IDLE_PAUSE = 3600.0


async def step(context: Context) -> float:
    """Receive letters. Returns the seconds to wait before the next step. Listening ends only when cancelled, or with an
    error."""
    url = context.settings.inbound
    if url is None:
        return IDLE_PAUSE
    if url.startswith("lmtp://"):
        return await _listen(context, url)
    if not await schedule.begin(context.database, "mailbox", clock.now(), POLL_INTERVAL):
        return POLL_INTERVAL / 4
    from widget_api.mailbox import imap  # imported here, since most installations do not poll a mailbox

    try:
        outcome = f"{await imap.fetch(context, url)} letters"
    except Exception as error:
        outcome = f"{type(error).__name__}: {error}"
        log.warning("the mailbox cannot be read: %s", outcome)
    await schedule.end(context.database, "mailbox", clock.now(), outcome)
    return POLL_INTERVAL / 4


async def _listen(context: Context, url: str) -> float:
    from widget_api.mailbox import lmtp  # imported here, since most installations do not listen

    try:
        async with lmtp.run_server(context, url):
            log.info("letters are taken in at %s", url)
            await asyncio.Event().wait()
    except lmtp.AlreadyListening:
        pass
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
    return LISTENER_RETRY_PAUSE  # another process of ours listens, or is about to end
