"""The token that each form of a session carries against requests forged on other sites."""

from __future__ import annotations

import hashlib
import hmac

from widget_api.signing import Purpose, Signer

_LONGEST = 256  # characters of a user's id and its session part


def form_token(signer: Signer, token: str, user_id: str) -> str:
    """What each form of a session carries: it follows from the cookie's token, which no other site can read.

    The seal says that we gave the form to this user, after the session has ended too.
    """
    of_session = hmac.new(token.encode("utf-8", "replace"), b"widget-api/cabinet/form", hashlib.sha256).hexdigest()
    named = f"{user_id}.{of_session}"
    return f"{named}.{signer.seal(Purpose.CABINET_FORM, named)}"


def is_form_token(signer: Signer, token: str, user_id: str, given: str) -> bool:
    return hmac.compare_digest(form_token(signer, token, user_id).encode(), given.encode("utf-8", "replace"))


def form_user_id(signer: Signer, given: str) -> str | None:
    """Whose form it was, of whatever session; None where we did not make the token."""
    named, _, seal = given.rpartition(".")
    if len(named) > _LONGEST or not signer.sealed(Purpose.CABINET_FORM, named, seal):
        return None
    return named.partition(".")[0]
