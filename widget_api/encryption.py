"""Encrypt secrets that the database stores, with keys derived from WIDGET_SECRET_KEYS.

The newest key encrypts and every key decrypts, as with signatures, so keys can be rotated. What an older key encrypted
is encrypted again every night (`renew`), after which that key may be removed.

Each secret has a key of its own, derived from its purpose and owner. So a stored text is worthless in another row:
whoever can write to the database cannot give an account the secret of another one.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.fernet import Fernet


def encrypt(keys: Sequence[str], about: str, text: str) -> str:
    """Return the text to store. `about` names purpose and owner, and has to be the same when it is decrypted."""
    return _ciphers(keys[:1], about)[0].encrypt(text.encode()).decode()


def decrypt(keys: Sequence[str], about: str, stored: str) -> str | None:
    """Return the secret; None if no key decrypts it."""
    from cryptography.fernet import InvalidToken, MultiFernet

    try:
        return MultiFernet(_ciphers(keys, about)).decrypt(stored.encode()).decode()
    except InvalidToken:
        return None


def renew(keys: Sequence[str], about: str, stored: str) -> str | None:
    """Return the text to store instead; None if the newest key encrypted it already, or no key decrypts it."""
    if not keys or decrypt(keys[:1], about, stored) is not None:
        return None
    text = decrypt(keys, about, stored)
    return None if text is None else encrypt(keys, about, text)


def _ciphers(keys: Sequence[str], about: str) -> list[Fernet]:
    from cryptography.fernet import Fernet  # 10 MB that most processes do not need

    derived = (hmac.digest(key.encode(), f"widget-api/encryption/{about}".encode(), "sha256") for key in keys)
    return [Fernet(base64.urlsafe_b64encode(key)) for key in derived]
