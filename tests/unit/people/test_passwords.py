"""How much work a password is: read at import, before the smaller work of the tests (conftest.py) takes its place."""

from __future__ import annotations

from argon2 import Type, extract_parameters

from widget_api.people import passwords

HASHER = passwords._hasher


async def test_a_stored_password_costs_what_is_recommended() -> None:
    """OWASP, Password Storage Cheat Sheet: Argon2id with at least 19 MiB, two passes and one thread."""
    parameters = extract_parameters(HASHER.hash("a long enough password"))
    assert parameters.type is Type.ID
    assert parameters.memory_cost >= 19 * 1024
    assert parameters.time_cost >= 2


async def test_the_password_is_known_again_whatever_it_cost() -> None:
    """What the tests store cheaply is read by services that work harder, and the other way round."""
    stored = HASHER.hash("a long enough password")
    assert await passwords.verify_password(stored, "a long enough password")
    assert not await passwords.verify_password(stored, "another password")
    assert HASHER.verify(await passwords.hash_password("a long enough password"), "a long enough password")
