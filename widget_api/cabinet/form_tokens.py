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
    """Whose form it was, of whatever session; None where we did not make the token."""
    named, _, seal = given.rpartition(".")
    if len(named) > _LONGEST or not signer.verify_seal(Purpose.CABINET_FORM, named, seal):
        return None
    return named.partition(".")[0]
