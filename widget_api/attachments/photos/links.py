"""Who may see and who may attach: signed links that end soon, and tokens good for one site and one day."""

from __future__ import annotations

from typing import TYPE_CHECKING

from widget_api import clock
from widget_api.attachments.photos.model import Size, address
from widget_api.signing import Purpose, Signer

if TYPE_CHECKING:
    from widget_api.context import Context

LIFE = 3600  # seconds a link to an unpublished picture is good for
STEADY = 900


def token(signer: Signer, site_id: str, photo_id: str) -> str:
    """With this whoever uploaded a photo attaches it."""
    return signer.sign(Purpose.PHOTO, {"p": photo_id, "s": site_id})


def attachable(signer: Signer, site_id: str, text: object) -> str | None:
    """The photo a token stands for; None where it is forged, another site's or too old."""
    payload = signer.read(Purpose.PHOTO, text) if isinstance(text, str) else None
    return str(payload["p"]) if isinstance(payload, dict) and payload.get("s") == site_id else None


def signed(context: Context, photo_id: str, size: Size = "", *, until: int | None = None) -> str:
    """The absolute URL of a picture, published or not, good `until` then, by default for at most an hour.

    It stays the same for a quarter of an hour, so that a page that renews itself loads no picture twice.
    """
    end = until or (clock.now() + LIFE) // STEADY * STEADY
    seal = context.signer.seal(Purpose.PICTURE, f"{photo_id}.{end}")
    return f"{context.settings.public_url}{address(photo_id, size)}?s={end}.{seal}"


def allows(signer: Signer, signature: str, photo_id: str) -> bool:
    """Whether this signature opens this picture now."""
    end, _, seal = signature.partition(".")
    if not (end.isascii() and end.isdigit() and len(end) < 20) or int(end) <= clock.now():
        return False
    return signer.sealed(Purpose.PICTURE, f"{photo_id}.{end}", seal)
