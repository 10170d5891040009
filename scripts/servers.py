"""Finds the servers that some tests talk to, or gets them from the system's packages; where they cannot be had, those
tests are left out.

python -m scripts.servers        # prints what it found
"""

import os
import re
import shutil
import subprocess

from scripts import browser

DOVECOT = ("dovecot-imapd",)
OLDEST = (2, 4)  # its configuration is another than that of 2.3


def dovecot() -> str | None:
    """Path of a Dovecot we can configure and start."""
    path = shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin")
    if path is None or os.geteuid() != 0:
        return None
    told = subprocess.run([path, "--version"], capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
    version = re.match(r"(\d+)\.(\d+)", told)
    return path if version and (int(version[1]), int(version[2])) >= OLDEST else None


def reason_to_leave_out() -> str:
    """Why Dovecot cannot be had here; empty where it can, and then its tests must run."""
    if os.geteuid() != 0:
        return "Dovecot is started by root alone"
    if shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin"):
        return "this Dovecot is older than 2.4"
    return browser.reason_to_leave_out(DOVECOT)


def main() -> None:
    if dovecot() is None and not reason_to_leave_out():
        browser.install(list(DOVECOT))
    print(f"▸ Dovecot: {'found' if dovecot() else 'left out, ' + reason_to_leave_out()}", flush=True)


if __name__ == "__main__":
    main()
