"""Make and check the token of each form of a session, which prevents forged requests from other sites."""

from __future__ import annotations

import hashlib
import hmac

from widget_api.signing import Purpose, Signer

_MAX_LENGTH = 256  # characters of a user's id and its session part


def form_token(signer: Signer, token: str, user_id: str) -> str:
    """The token of a session's forms, derived from the session's token, which no other site can read.

    Its seal proves after the end of the session too that the form was issued to this user.
    """
    named = f"{user_id}.{_derive(token)}"
    return f"{named}.{signer.seal(Purpose.CABINET_FORM, named)}"


def is_form_token(signer: Signer, token: str, user_id: str, given: str) -> bool:
    """Before migration 0010 forms carried what follows from the session alone, as long as that session lasts."""
    sent = given.encode("utf-8", "replace")
    known = (form_token(signer, token, user_id), _derive(token))
    return any(hmac.compare_digest(one.encode(), sent) for one in known)


def _derive(token: str) -> str:
    return hmac.new(token.encode("utf-8", "replace"), b"widget-api/cabinet/form", hashlib.sha256).hexdigest()


def form_user_id(signer: Signer, given: str) -> str | None:
    """The user to whom a form was issued in any session; None where the token is forged."""
    named, _, seal = given.rpartition(".")
    if len(named) > _MAX_LENGTH or not signer.verify_seal(Purpose.CABINET_FORM, named, seal):
        return None
    return named.partition(".")[0]
