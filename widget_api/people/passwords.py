"""Hash and verify passwords with Argon2id (RFC 9106), in threads that do not delay other requests."""

from __future__ import annotations

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MAX_LENGTH = 1024  # bytes; longer passwords are rejected unhashed
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # without look-alikes
_hasher = PasswordHasher(time_cost=3, memory_cost=19_456, parallelism=1)  # OWASP's 19 MiB, one pass more
# Each hash holds 19 MiB while it runs, so no more than two run at once.
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="passwords")


async def hash_password(password: str) -> str:
    """The text to store."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, password)


async def verify_password(stored: str | None, password: str) -> bool:
    """Whether the password matches. With `stored` None (no such user), False after the same time."""
    if len(password.encode("utf-8", "replace")) > MAX_LENGTH:
        password, stored = "", None
    same = await asyncio.get_running_loop().run_in_executor(_threads, _verify, stored, password)
    return same and stored is not None


def generate_password(groups: int = 4) -> str:
    """A random password of 99 bits, in groups that can be read aloud; each group has 25 bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(groups))


def _verify(stored: str | None, password: str) -> bool:
    try:
        return _hasher.verify(stored or _unusable_hash(), password)
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False


@lru_cache(maxsize=1)
def _unusable_hash() -> str:
    """The hash of an unknown random password."""
    return _hasher.hash(secrets.token_hex(16))
