"""Finds the servers and programs that some tests talk to, or gets them from the system's packages.

Dovecot for mail that is fetched, Redis or Valkey for shared limits, nginx and Caddy for the shipped proxy
configurations, PHP for the plugins of content management systems, faketime for the suite at odd moments; with
`--full` a whole WordPress, and LibreOffice Calc, which reads the workbooks. Where they cannot be had, those tests are
left out.

python -m scripts.servers        # prints what it found
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from scripts import browser
from scripts.browser import has_apt, install

DOVECOT = ("dovecot-imapd",)
PROGRAMS = {"php": "php-cli", "nginx": "nginx-light", "caddy": "caddy", "faketime": "faketime"}  # and their packages
PROGRAMS_OF_FULL = {"soffice": "libreoffice-calc-nogui"}  # 300 MB
OLDEST = (2, 4)  # its configuration is another than that of 2.3
WORDPRESS = Path("/usr/share/wordpress")  # where Debian and Ubuntu put it
# The database without its service, and what WordPress needs of PHP.
WORDPRESS_PACKAGES = (
    "wordpress",
    "wordpress-l10n",
    "wordpress-theme-twentytwentyfive",
    "mariadb-server-core",
    "mariadb-client",
    "php-mysql",
)
REDIS = ("redis-server", "valkey-server")  # they speak the same; distributions have one, the other or both


def dovecot() -> str | None:
    """Path of a Dovecot we can configure and start."""
    path = shutil.which("dovecot") or shutil.which("dovecot", path="/usr/sbin")
    if path is None or os.geteuid() != 0:
        return None
    output = subprocess.run([path, "--version"], capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
    version = re.match(r"(\d+)\.(\d+)", output)
    return path if version and (int(version[1]), int(version[2])) >= OLDEST else None


def reason_without_dovecot() -> str:
    """Why it cannot be had here; empty where it can, and then its tests must run."""
    if os.geteuid() != 0:
        return "Dovecot is started by root alone"
    if shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin"):
        return "this Dovecot is older than 2.4"
    return browser.reason_to_leave_out(DOVECOT)


def redis() -> str | None:
    """Path of the program."""
    return next(filter(None, map(shutil.which, REDIS)), None)


def reason_without_redis() -> str:
    """Why there is none here; empty where it can be had, and then its tests must run."""
    if redis():
        return ""
    reasons = [browser.reason_to_leave_out((name,)) for name in REDIS]
    return "" if "" in reasons else reasons[0]


def program(name: str) -> str | None:
    """Path of a program by its name; Debian keeps some where only root looks."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")


def reason_without(name: str) -> str:
    """Why a program is not here; empty where it can be had, and then its tests must run."""
    return "" if program(name) else browser.reason_to_leave_out(((PROGRAMS | PROGRAMS_OF_FULL)[name],))


def wordpress() -> Path | None:
    """Its folder, where everything that runs it is here too."""
    programs = (WORDPRESS / "wp-load.php").exists() and program("php") and program("mariadbd")
    return WORDPRESS if programs else None


def reason_without_wordpress() -> str:
    """Why there is none here; empty where it can be had, and then its tests must run."""
    return "" if wordpress() else browser.reason_to_leave_out(WORDPRESS_PACKAGES)


def main() -> None:
    full = "--full" in sys.argv[1:]
    if dovecot() is None and not reason_without_dovecot():
        install(list(DOVECOT))
    for name in REDIS:
        if not redis() and has_apt():
            install([name])
    programs = PROGRAMS | (PROGRAMS_OF_FULL if full else {})
    missing = [package for name, package in programs.items() if not program(name)]
    if full and not wordpress() and not reason_without_wordpress():
        missing += WORDPRESS_PACKAGES
    if missing and has_apt():
        install(missing)
    print(f"▸ Dovecot: {'found' if dovecot() else 'left out, ' + reason_without_dovecot()}", flush=True)
    print(f"▸ Redis: {redis() or 'left out, ' + reason_without_redis()}", flush=True)
    for name in programs:
        print(f"▸ {name}: {program(name) or 'left out, ' + reason_without(name)}", flush=True)
    if full:
        print(f"▸ WordPress: {wordpress() or 'left out, ' + reason_without_wordpress()}", flush=True)


if __name__ == "__main__":
    main()
