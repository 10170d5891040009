"""A bare Debian 13 with systemd in a container, in a network of its own that reaches the package index.

mmdebstrap makes it from Debian's archive, systemd-nspawn boots it, and pasta connects its network. Chosen ports lead in
and out: from 127.0.0.1 of the tests to the machine's, and from the machine's to that of the tests.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.processes import die_with_parent, wait_for_port
from tests.support.waiting import wait_for

# Debian's smallest system that boots, with what every installation has: systemd as PID 1 and its bus.
BARE = ("--variant=minbase", "--include=systemd-sysv,dbus", "--dpkgopt=force-unsafe-io")
SEARCHED = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SHELL = ("/usr/bin/env", "--ignore-environment", "HOME=/root", "LANG=C.UTF-8", f"PATH={SEARCHED}")
# Of the machine's pip configuration: what it takes to reach an index.
PIP_OPTIONS = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout", "default-timeout")
PROXIES = ("http_proxy", "https_proxy", "no_proxy")


class Machine:
    """Files of it are below `root`."""

    def __init__(self, folder: Path, *, inward: Mapping[int, int], outward: tuple[int, ...]) -> None:
        """`inward`: its ports, and those of 127.0.0.1 here that lead there; `outward`: ports here that it reaches."""
        self.root = folder / "machine"
        self._folder = folder
        self._inward, self._outward = inward, outward
        self.network = f"widget-{os.getpid()}"
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        self._do("mmdebstrap", *BARE, "trixie", str(self.root))
        self._configure_pip()
        self._do("ip", "netns", "add", self.network)
        inward = "127.0.0.1/" + ",".join(f"{outside}:{inside}" for inside, outside in self._inward.items())
        outward = ",".join(map(str, self._outward))
        # As root in a namespace of root; no other ports than these.
        pasta = ("pasta", "--foreground", "--quiet", "--runas", "0", "--netns-only", "--config-net")
        ports = ("--tcp-ports", inward, "--tcp-ns", outward, "--udp-ports", "none", "--udp-ns", "none")
        started, log = self._start(*pasta, *ports, "--netns", f"/run/netns/{self.network}")
        wait_for_port(next(iter(self._inward.values())), started, log)
        downloads = Path(self._ask_pip("cache", "dir").strip())  # kept from one run to the next
        downloads.mkdir(parents=True, exist_ok=True)
        boot = ("systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot", "--console=pipe")
        place = ("--directory", str(self.root), "--machine", self.network, "--resolv-conf=copy-host")
        cache = f"--bind={downloads}:/root/.cache/pip"
        self._boot, _ = self._start(*boot, *place, cache, f"--network-namespace-path=/run/netns/{self.network}")
        wait_for(lambda: self.run("systemctl is-system-running").stdout.strip() in ("running", "degraded"))

    def run(self, script: str, *, typed: str = "", folder: str = "/root") -> subprocess.CompletedProcess[str]:
        """Run commands as root, in a shell that ends at the first error. `typed` answers their questions."""
        init = self._init()
        if init is None:
            return subprocess.CompletedProcess((), 1, "", "it has not booted")
        proxies = [f"{name}={os.environ[name]}" for name in PROXIES if name in os.environ]
        enter = ("nsenter", "--all", "--target", str(init), f"--wdns={folder}", *SHELL, *proxies)
        return subprocess.run(
            (*enter, "bash", "-euo", "pipefail", "-c", script), input=typed, capture_output=True, text=True, timeout=900
        )

    def start_outside(self, *command: str, hosts: str) -> None:
        """Start a program of this system in the machine's network; `hosts` is its /etc/hosts."""
        file = self._folder / "hosts"
        file.write_text(hosts)
        script = 'mount --bind "$0" /etc/hosts && exec "$@"'
        enter = ("nsenter", f"--net=/run/netns/{self.network}", "unshare", "--mount", "sh", "-c", script, str(file))
        self._start(*enter, *command)

    def close(self) -> None:
        """Power off, and leave nothing."""
        for process in reversed(self._processes):
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(60)
        subprocess.run(("ip", "netns", "delete", self.network), capture_output=True)
        shutil.rmtree(self.root, ignore_errors=True)

    def _init(self) -> int | None:
        """The number that the machine's PID 1 has here."""
        children = Path(f"/proc/{self._boot.pid}/task/{self._boot.pid}/children")
        found = children.read_text().split() if children.exists() else []
        return int(found[0]) if found else None

    def _configure_pip(self) -> None:
        """Let the machine's pip reach the index that this one's reaches."""
        options = dict[str, str]()
        for line in self._ask_pip("config", "list").splitlines():  # global.index-url='…', :env:.timeout='…'
            name, _, value = line.partition("=")
            options[name.rpartition(".")[2]] = value.strip("'\"")
        lines = [f"{name} = {options[name]}\n" for name in PIP_OPTIONS if name in options]
        if "cert" in options:
            shutil.copy(options["cert"], self.root / "etc" / "authorities-of-the-index.pem")
            lines.append("cert = /etc/authorities-of-the-index.pem\n")
        (self.root / "etc" / "pip.conf").write_text("".join(["[global]\n", *lines]))

    def _ask_pip(self, *arguments: str) -> str:
        return self._do(sys.executable, "-m", "pip", *arguments)

    def _do(self, *command: str) -> str:
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, f"{command}: {done.stderr[-3000:]}"
        return done.stdout

    def _start(self, *command: str) -> tuple[subprocess.Popen[bytes], Path]:
        log = self._folder / f"{len(self._processes)}-{command[0]}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                die_with_parent(list(command)), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
            )
        self._processes.append(process)
        return process, log
