"""Slow down attempts to guess a secret, without locking accounts, and hide how long a check of it took.

Refusing attempts past a limit would let anybody lock another person's account by wrong passwords. Instead, wrong
secrets are counted by network, from a household's to a provider's, and by the guessed secret, and past a free number
the response is delayed. A device that has known the secret before has its own counter (OWASP, «Slow Down Online
Guessing Attacks with Device Cookies»), so strangers cannot cause it delays.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from widget_api import clock
from widget_api.errors import TooMany
from widget_api.signing import Purpose, Signer
from widget_api.web.limits import RateLimiter, enclosing_networks

FREE_ATTEMPTS = 20  # wrong secrets an hour from one household or host, about one secret, or on one known device
MAX_DELAY = 16  # seconds
# Delayed requests. Each costs a connection and a kilobyte, and a guessing network must not use all of them.
MAX_WAITING = 64
MAX_WAITING_PER_SECRET = 8
DEVICE_COOKIE = "device"
DEVICE_SECONDS = 180 * clock.DAY  # after half a year without use a device is unknown again
MAX_DEVICE_ENTRIES = 8  # of the cookie: an account has one for its password, and one for its second factor

Sleep = Callable[[float], Awaitable[None]]
TIMING_STEP = 0.25  # seconds


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """An attempt at a secret, and where it comes from; `device` is set for one that has known the secret before."""

    entry_point: Literal["sign_in", "code", "tracking", "password"]
    secret: str
    address: str
    device: str | None = None

    @property
    def counted_as(self) -> str:
        """The name of the secret's counter: a hash, which is short and puts no address into a shared store."""
        return hashlib.sha256(self.secret.encode("utf-8", "replace")).hexdigest()

    def sources(self) -> list[tuple[str, str, int]]:
        """List the counters of the source of the attempt: kind, name, number of free failures.

        A wider network has more people: each step doubles the free failures (RFC 6177 gives sites a /56 or a /48, from
        which 256 or 65,536 networks can guess).
        """
        if self.device is not None:
            return [("device", self.device, FREE_ATTEMPTS)]
        return [
            ("network", network, FREE_ATTEMPTS * 2**step)
            for step, network in enumerate(enclosing_networks(self.address))
        ]


class GuessThrottle:
    """Counts attempts and delays some. One instance a process; with Redis the counts are shared by all processes."""

    def __init__(self, limits: RateLimiter, sleep: Sleep = asyncio.sleep) -> None:
        self._limits = limits
        self.sleep = sleep
        self._waiters: list[_Waiter] = []

    async def admit(self, guess: Attempt) -> int:
        """Delay the attempt if necessary; return the seconds of the delay. Call before the secret is compared.

        Counting before comparing includes concurrent attempts. Raises TooMany if too many requests are delayed already,
        all of them from networks with no more attempts than this one.
        """
        excess, guessed = 0, 0
        for kind, name, free in guess.sources():
            count = await self._limits.count(guess.entry_point, kind, name)
            excess, guessed = max(excess, count - free), guessed + count
        waited = await self._wait(_delay(excess), _Waiter(guess.secret, guessed))
        if guess.device is not None:
            return waited
        # The client chooses the secret's name. A counter is added only after the delay, since an endless number of
        # made-up names would fill the memory.
        excess = await self._limits.count(guess.entry_point, "secret", guess.counted_as) - FREE_ATTEMPTS
        return waited + await self._wait(_delay(excess) - waited, _Waiter(guess.secret, guessed))

    async def forgive(self, guess: Attempt) -> None:
        """Undo what `admit` has counted, after a correct secret."""
        for kind, name, _ in guess.sources():
            await self._limits.count(guess.entry_point, kind, name, cost=-1)
        if guess.device is None:
            await self._limits.count(guess.entry_point, "secret", guess.counted_as, cost=-1)

    async def _wait(self, delay: int, waiter: _Waiter) -> int:
        """Delay the request, evicting the source with the most attempts if too many wait. Returns the seconds."""
        if delay <= 0:
            return 0
        of_secret = [waiting for waiting in self._waiters if waiting.secret == waiter.secret]
        crowd = of_secret if len(of_secret) >= MAX_WAITING_PER_SECRET else self._waiters
        if crowd is of_secret or len(crowd) >= MAX_WAITING:
            worst = max(crowd, key=lambda waiting: waiting.guessed)
            if worst.guessed <= waiter.guessed:
                raise TooMany(delay)
            self._waiters.remove(worst)
            worst.evict()
        self._waiters.append(waiter)
        try:
            await waiter.wait(self.sleep(delay))
        except _Evicted:
            raise TooMany(delay) from None
        finally:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
        return delay


def _delay(excess: int) -> int:
    """Return the delay in seconds, doubled by each attempt past the free ones."""
    return min(MAX_DELAY, 1 << min(excess - 1, MAX_DELAY)) if excess > 0 else 0


class _Evicted(Exception):
    """The waiting request was evicted in favour of a source with fewer attempts."""


class _Waiter:
    """A request that is being delayed."""

    def __init__(self, secret: str, guessed: int) -> None:
        self.secret = secret
        self.guessed = guessed
        self._evicted = asyncio.Event()

    def evict(self) -> None:
        self._evicted.set()

    async def wait(self, sleeping: Awaitable[None]) -> None:
        """Wait for `sleeping`. Raises _Evicted if the request is evicted before."""
        ends = [asyncio.ensure_future(sleeping), asyncio.ensure_future(self._evicted.wait())]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
        if self._evicted.is_set():
            raise _Evicted


# --- devices that have known a secret ------------------------------------------------------------------------------


def recognize_device(signer: Signer, cookie: str | None, account: str) -> str | None:
    """Return the name of the device if it has signed in to this account before, else None."""
    entries = (cookie or "").split(":")[:MAX_DEVICE_ENTRIES]
    return next((entry.partition(".")[0] for entry in entries if _belongs_to_account(signer, entry, account)), None)


def device_cookie(signer: Signer, cookie: str | None, account: str) -> str:
    """Return the cookie after `account` signed in: a new name of the device, and its entries of other accounts.

    It contains no address and grants no access: its seal only proves that this device has signed in to an account whose
    address the sender has to know.
    """
    name = f"{secrets.token_hex(16)}.{clock.now() + DEVICE_SECONDS}"
    entry = f"{name}.{signer.seal(Purpose.DEVICE, f'{account} {name}')}"
    others = [other for other in (cookie or "").split(":") if other and not _belongs_to_account(signer, other, account)]
    return ":".join([entry, *others[: MAX_DEVICE_ENTRIES - 1]])


def _belongs_to_account(signer: Signer, entry: str, account: str) -> bool:
    name, _, seal = entry.rpartition(".")
    end = name.rpartition(".")[2]
    good = end.isascii() and end.isdigit() and len(end) < 12 and int(end) > clock.now()
    return good and signer.verify_seal(Purpose.DEVICE, f"{account} {name}", seal)


@contextlib.asynccontextmanager
async def at_full_steps(step: float | None = None) -> AsyncIterator[None]:
    """Extend the block to a whole number of steps, also if it raises."""
    started = time.monotonic()
    try:
        yield
    finally:
        await asyncio.sleep(until_step(time.monotonic() - started, step))


def until_step(elapsed: float, step: float | None = None) -> float:
    """Return the seconds to the next whole step, so that the total is at least one step."""
    step = step or TIMING_STEP
    return step - elapsed % step
