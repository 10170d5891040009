"""Finds the servers for tests of settings beyond the defaults, or gets them: Redis or Valkey, for shared limits.

What is there, else the system's packages, else their tests are left out.

python -m scripts.servers        # prints what it found
"""

import shutil

from scripts.browser import has_apt, install, reason_to_leave_out

REDIS = ("redis-server", "valkey-server")  # they speak the same; distributions have one, the other or both


def redis() -> str | None:
    """Path of the program."""
    return next(filter(None, map(shutil.which, REDIS)), None)


def reason_without_redis() -> str:
    """Why there is none here; empty where it can be had, and then its tests must run."""
    if redis():
        return ""
    reasons = [reason_to_leave_out((name,)) for name in REDIS]
    return "" if "" in reasons else reasons[0]


def ensure() -> None:
    for name in REDIS:
        if not redis() and has_apt():
            install([name])


def main() -> None:
    ensure()
    print(f"▸ Redis: {redis() or 'left out, ' + reason_without_redis()}", flush=True)


if __name__ == "__main__":
    main()
