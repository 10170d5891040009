"""Slow down attempts to guess a secret, without locking accounts.

To refuse past a limit would let anybody close another person's account by wrong passwords. So wrong secrets are counted
by network, from a household's to a provider's, and by the secret that is guessed, and past what is free the answer
comes later. A device that has known the secret before is counted by itself (OWASP, «Slow Down Online Guessing Attacks
with Device Cookies»), so it meets no delay of a stranger's making.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from widget_api import clock
from widget_api.errors import TooMany
from widget_api.signing import Purpose, Signer
from widget_api.web.limits import RateLimiter, enclosing_networks

FREE_ATTEMPTS = 20  # wrong secrets an hour from one household or host, about one secret, or on one known device
MAX_DELAY = 16  # seconds
# Those that wait. Each costs a connection and a kilobyte, and a network that guesses may not take all of them.
MAX_WAITING = 64
MAX_WAITING_PER_SECRET = 8
DEVICE_COOKIE = "device"
DEVICE_SECONDS = 180 * 86_400  # a device that was not used for half a year is a stranger
MAX_ACCOUNTS_PER_DEVICE = 4  # that sign in on one device

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """An attempt at a secret: whose it is and where it comes from; `device` names one that has known it before."""

    door: Literal["sign_in", "tracking", "password"]
    secret: str
    address: str
    device: str | None = None

    @property
    def counted_as(self) -> str:
        """The secret's name among the counters: short, whatever was typed, and no address in a shared store."""
        return hashlib.sha256(self.secret.encode("utf-8", "replace")).hexdigest()

    def sources(self) -> list[tuple[str, str, int]]:
        """The counters that say how often this source has guessed: the kind, what is counted, how much is free.

        A wider network holds more people: twice as many failures are free for each step (RFC 6177 gives sites a /56 or
        a /48, so whoever has one has 256 or 65,536 networks to guess from).
        """
        if self.device is not None:
            return [("device", self.device, FREE_ATTEMPTS)]
        return [
            ("network", network, FREE_ATTEMPTS * 2**step)
            for step, network in enumerate(enclosing_networks(self.address))
        ]


class GuessThrottle:
    """Counts attempts and makes some wait. One a process; with Redis the counts are those of all processes."""

    def __init__(self, limits: RateLimiter, sleep: Sleep = asyncio.sleep) -> None:
        self._limits = limits
        self.sleep = sleep
        self._places: list[_Waiter] = []

    async def admit(self, guess: Attempt) -> int:
        """Call before the secret is compared; returns for how many seconds this waited.

        Counting before comparing leaves out none that run side by side. Raises TooMany where too many wait already, all
        of them from networks that have guessed no more often than this one.
        """
        excess, guessed = 0, 0
        for kind, name, free in guess.sources():
            count = await self._limits.count(guess.door, kind, name)
            excess, guessed = max(excess, count - free), guessed + count
        waited = await self._wait(_delay(excess), _Waiter(guess.secret, guessed))
        if guess.device is not None:
            return waited
        # The guesser says what the secret's name is. Only who has waited may add one: made-up names without end would
        # fill the memory.
        excess = await self._limits.count(guess.door, "secret", guess.counted_as) - FREE_ATTEMPTS
        return waited + await self._wait(_delay(excess) - waited, _Waiter(guess.secret, guessed))

    async def forgive(self, guess: Attempt) -> None:
        """The secret was right: take back what `admit` has counted."""
        for kind, name, _ in guess.sources():
            await self._limits.count(guess.door, kind, name, cost=-1)
        if guess.device is None:
            await self._limits.count(guess.door, "secret", guess.counted_as, cost=-1)

    async def _wait(self, delay: int, place: _Waiter) -> int:
        """Delay the request, evicting the source with the most attempts where too many wait. Returns the seconds."""
        if delay <= 0:
            return 0
        of_secret = [one for one in self._places if one.secret == place.secret]
        crowd = of_secret if len(of_secret) >= MAX_WAITING_PER_SECRET else self._places
        if crowd is of_secret or len(crowd) >= MAX_WAITING:
            worst = max(crowd, key=lambda one: one.guessed)
            if worst.guessed <= place.guessed:
                raise TooMany(delay)
            self._places.remove(worst)
            worst.give_up()
        self._places.append(place)
        try:
            await place.wait(self.sleep(delay))
        except _Evicted:
            raise TooMany(delay) from None
        finally:
            if place in self._places:
                self._places.remove(place)
        return delay


def _delay(excess: int) -> int:
    """Seconds: twice as long for each attempt too many."""
    return min(MAX_DELAY, 1 << min(excess - 1, MAX_DELAY)) if excess > 0 else 0


class _Evicted(Exception):
    """The waiting request was evicted in favour of a source with fewer attempts."""


class _Waiter:
    """A request that is being delayed."""

    def __init__(self, secret: str, guessed: int) -> None:
        self.secret = secret
        self.guessed = guessed
        self._given_up = asyncio.Event()

    def give_up(self) -> None:
        self._given_up.set()

    async def wait(self, sleeping: Awaitable[None]) -> None:
        """Raises _GivenUp where that comes first."""
        ends = [asyncio.ensure_future(sleeping), asyncio.ensure_future(self._given_up.wait())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
        if self._given_up.is_set():
            raise _Evicted


# --- devices that have known a secret ------------------------------------------------------------------------------


def recognize_device(signer: Signer, cookie: str | None, account: str) -> str | None:
    """The name of the device, where it has signed in to this account before; None for a stranger."""
    entries = (cookie or "").split(":")[:MAX_ACCOUNTS_PER_DEVICE]
    return next((one.partition(".")[0] for one in entries if _belongs_to_account(signer, one, account)), None)


def device_cookie(signer: Signer, cookie: str | None, account: str) -> str:
    """The cookie after `account` signed in: a new name for the device, and what it held of other accounts.

    It holds no address and opens nothing: its seal says that this device has signed in to an account whose address
    whoever sends it has to name.
    """
    name = f"{secrets.token_hex(16)}.{clock.now() + DEVICE_SECONDS}"
    entry = f"{name}.{signer.seal(Purpose.DEVICE, f'{account} {name}')}"
    others = [one for one in (cookie or "").split(":") if one and not _belongs_to_account(signer, one, account)]
    return ":".join([entry, *others[: MAX_ACCOUNTS_PER_DEVICE - 1]])


def _belongs_to_account(signer: Signer, entry: str, account: str) -> bool:
    name, _, seal = entry.rpartition(".")
    end = name.rpartition(".")[2]
    good = end.isascii() and end.isdigit() and len(end) < 12 and int(end) > clock.now()
    return good and signer.sealed(Purpose.DEVICE, f"{account} {name}", seal)
