"""Before a process serves: what keeps photos and what counts limits must not refuse it. What is away may come yet."""

from __future__ import annotations

import logging

from widget_api.settings import Settings, SettingsError

_log = logging.getLogger(__name__)


async def ensure(loaded: Settings) -> None:
    """Raises SettingsError, which names the setting, where the other side answers and says no."""
    await _limits(loaded)
    await _media(loaded)


async def _limits(loaded: Settings) -> None:
    if loaded.redis_url is None:
        return
    from limits.errors import StorageError

    from widget_api.web.limits import check_connection

    try:
        await check_connection(loaded.redis_url)
    except StorageError as error:
        _log.warning("the store of WIDGET_REDIS_URL is away, limits are counted by each process: %s", error)


async def _media(loaded: Settings) -> None:
    if not loaded.media_url.startswith("s3:"):
        return
    from widget_api.attachments.bucket import Misconfigured
    from widget_api.attachments.storage import Storage
    from widget_api.errors import Unavailable

    try:
        await Storage(loaded.media_url, loaded.s3_credentials).examine()
    except Unavailable as error:
        if isinstance(error.__cause__, Misconfigured):
            raise SettingsError(f"WIDGET_MEDIA_URL: {error.__cause__}") from None
        _log.warning("the bucket of WIDGET_MEDIA_URL is away, photos cannot be kept or shown: %s", error.__cause__)
