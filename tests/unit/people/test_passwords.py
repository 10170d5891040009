"""The cost of a password hash, read at import, before the tests reduce it (conftest.py)."""

from __future__ import annotations

from argon2 import Type, extract_parameters

from widget_api.people import passwords

HASHER = passwords._hasher


async def test_password_hashes_have_the_recommended_cost_and_are_verified_at_any() -> None:
    """OWASP, Password Storage Cheat Sheet: Argon2id with at least 19 MiB, two passes and one thread."""
    parameters = extract_parameters(HASHER.hash("a long enough password"))
    assert parameters.type is Type.ID
    assert parameters.memory_cost >= 19 * 1024
    assert parameters.time_cost >= 2
    stored = HASHER.hash("a long enough password")
    assert await passwords.verify_password(stored, "a long enough password")
    assert not await passwords.verify_password(stored, "another password")
    assert HASHER.verify(await passwords.hash_password("a long enough password"), "a long enough password")
