"""Passwords: Argon2id in threads of their own, so that a sign-in does not hold up everybody's requests (RFC 9106)."""

from __future__ import annotations

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MAXIMUM_LENGTH = 1024  # bytes of a password that are even looked at
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that looks like another
_hasher = PasswordHasher(time_cost=3, memory_cost=19_456, parallelism=1)  # OWASP's 19 MiB, one pass more
# Each hash holds its memory while it runs, and a process is to stay small: two at once, the others wait.
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="passwords")


async def hash_password(password: str) -> str:
    """The text to store."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _hasher.hash, password)


async def verify_password(stored: str | None, password: str) -> bool:
    """Whether the password is the one. With `stored` None (no such user) it takes just as long to say no."""
    if len(password.encode("utf-8", "replace")) > MAXIMUM_LENGTH:
        password, stored = "", None
    same = await asyncio.get_running_loop().run_in_executor(_threads, _verify, stored, password)
    return same and stored is not None


def new_password() -> str:
    """A password to show once: 99 bits, in groups that can be read aloud."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(4))


def _verify(stored: str | None, password: str) -> bool:
    try:
        return _hasher.verify(stored or _nobody(), password)
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False


@lru_cache(maxsize=1)
def _nobody() -> str:
    """The hash of a password that nobody has."""
    return _hasher.hash(secrets.token_hex(16))
