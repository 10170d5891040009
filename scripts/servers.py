"""Finds the browsers, servers and programs that some tests need, or gets them from the system's packages.

Dovecot for mail that is fetched, Redis or Valkey for shared limits, nginx and Caddy for the shipped proxy
configurations, PHP for the plugins of content management systems, faketime for the suite at odd moments; with
`--full` a whole WordPress, LibreOffice Calc, which reads the workbooks, and what makes a bare Debian to install the
service on. Where they cannot be had, those tests are left out.

python -m scripts.servers            # prints what it found
python -m scripts.servers --install  # installs what is missing; needs nothing but the standard library
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
# A bare Debian in a container with a network of its own, and an ACME server for its certificate.
MACHINE = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "pasta": "passt",
    "ip": "iproute2",
    "pebble": "pebble",
}
REDIS = ("redis-server", "valkey-server")  # they speak the same; distributions have one, the other or both


def dovecot() -> str | None:
    """Path of a Dovecot we can configure and start."""
    path = program("dovecot")
    if path is None or os.geteuid() != 0:
        return None
    output = subprocess.run([path, "--version"], capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout
    version = re.match(r"(\d+)\.(\d+)", output)
    return path if version and (int(version[1]), int(version[2])) >= OLDEST else None


def reason_without_dovecot() -> str:
    """Why it cannot be had here; empty where it can, and then its tests must run."""
    if dovecot():
        return ""
    if os.geteuid() != 0:
        return "Dovecot is started by root alone"
    if program("dovecot"):
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


def reason_without_machine() -> str:
    """Why no bare Debian can be started here; empty where it can, and then its test must run."""
    missing = [package for name, package in MACHINE.items() if not program(name)]
    if missing:
        return browser.reason_to_leave_out(tuple(missing))
    allowed = subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "true"], capture_output=True)
    if os.geteuid() != 0 or allowed.returncode:
        return "only root may start a machine, and only where namespaces are allowed"
    return "" if Path("/dev/net/tun").exists() else "there is no /dev/net/tun"


def missing_packages(full: bool) -> list[str]:
    programs = PROGRAMS | (PROGRAMS_OF_FULL if full else {})
    missing = [package for name, package in programs.items() if not program(name)]
    missing += [] if program("dovecot") else DOVECOT
    missing += [] if redis() else REDIS[:1]
    missing += WORDPRESS_PACKAGES if full and not wordpress() else ()
    missing += [package for name, package in MACHINE.items() if full and not program(name)]
    return [*browser.missing_packages(), *missing]


def describe(full: bool) -> str:
    """One line: what the tests will use, and what is left out for which reason."""
    programs = PROGRAMS | (PROGRAMS_OF_FULL if full else {})
    there = {
        "Firefox": (browser.firefox(), browser.reason_without_firefox()),
        "WebKitGTK": (browser.webkit(), browser.reason_without_webkit()),
        "Dovecot": (dovecot(), reason_without_dovecot()),
        "Redis": (redis(), reason_without_redis()),
        **{name: (program(name), reason_without(name)) for name in programs},
        **({"WordPress": (wordpress(), reason_without_wordpress())} if full else {}),
        **({"a bare Debian": (not reason_without_machine(), reason_without_machine())} if full else {}),
    }
    found = ", ".join(name for name, (path, _) in there.items() if path)
    reasons = [
        f"{name} ({reason or 'it could not be installed'})" for name, (path, reason) in there.items() if not path
    ]
    return f"{browser.ensure()}, {found}{'; left out: ' if reasons else ''}{', '.join(reasons)}"


def main() -> None:
    full = "--full" in sys.argv[1:]
    if "--install" not in sys.argv[1:]:
        print(f"▸ browsers and servers: {describe(full)}", flush=True)
    elif has_apt() and (missing := missing_packages(full)):
        install(missing)


if __name__ == "__main__":
    main()
