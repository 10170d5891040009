"""A real Redis or Valkey server in its own process, from the system's packages (scripts/servers.py)."""

import subprocess
from pathlib import Path

from scripts import servers
from scripts.browser import real_time
from tests.support.processes import die_with_parent, free_port, wait_for_port

PASSWORD = "a long enough password"


class Redis:
    """Without persistence: all counters are lost on a restart."""

    def __init__(self, directory: Path) -> None:
        self._program = servers.redis()
        self._directory = directory
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis://:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        assert self._program is not None
        options = {"port": str(self.port), "bind": "127.0.0.1", "save": "", "appendonly": "no", "requirepass": PASSWORD}
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        with (self._directory / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(
                die_with_parent([self._program, *arguments]),
                cwd=self._directory,
                env=real_time(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_for_port(self.port, self._process, self._directory / "redis.log")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)
            self._process = None
