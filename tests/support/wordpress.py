"""A real WordPress from the system's packages, with its own MariaDB and PHP's own web server, in a temporary folder."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts import servers
from scripts.browser import real_time
from tests.support.processes import die_with_parent, free_port

PLUGIN = Path(__file__).resolve().parents[2] / "embed_examples" / "wordpress" / "igrajdanin-widget"
SETUP = Path(__file__).with_name("wordpress_setup.php")
PASSWORD = "a long enough password"
START_LIMIT = 60.0  # seconds
# Nobody may post unfiltered HTML, as in a network of sites; notices of PHP go into a log, nothing leaves the machine.
CONFIGURATION = """<?php
define( 'DB_NAME', 'wordpress' );
define( 'DB_USER', 'root' );
define( 'DB_PASSWORD', '' );
define( 'DB_HOST', 'localhost:{socket}' );
define( 'DB_CHARSET', 'utf8mb4' );
define( 'DB_COLLATE', '' );
define( 'WP_HOME', '{url}' );
define( 'WP_SITEURL', '{url}' );
define( 'DISALLOW_UNFILTERED_HTML', true );
define( 'WP_HTTP_BLOCK_EXTERNAL', true );
define( 'AUTOMATIC_UPDATER_DISABLED', true );
define( 'DISABLE_WP_CRON', true );
define( 'WP_DEBUG', true );
define( 'WP_DEBUG_DISPLAY', false );
define( 'WP_DEBUG_LOG', '{log}' );
$table_prefix = 'wp_';
require_once __DIR__ . '/wp-settings.php';
"""


class WordPress:
    """In Russian, with the plugin active, an administrator `chief` and an `editor`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._root = directory / "wordpress"
        self._processes: list[subprocess.Popen[bytes]] = []
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> WordPress:
        try:
            self._start_database()
            self._copy_files()
            self.call("install", url=self.url, password=PASSWORD)
            self._start_web_server()
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        for process in reversed(self._processes):
            os.killpg(process.pid, signal.SIGKILL)  # PHP's server has children
            process.wait(30)

    def call(self, command: str, **arguments: Any) -> Any:
        """Run a command of wordpress_setup.php inside WordPress."""
        program = ["php", str(SETUP), str(self._root), command, json.dumps(arguments)]
        done = subprocess.run(program, capture_output=True, text=True, timeout=120, env=real_time())
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    @property
    def log(self) -> str:
        """Notices, warnings and errors of PHP."""
        path = self._directory / "debug.log"
        return path.read_text() if path.exists() else ""

    def _start_database(self) -> None:
        data, socket = self._directory / "database", self._socket
        base = ["--no-defaults", f"--datadir={data}", f"--user={getpass.getuser()}"]
        installed = subprocess.run(
            ["mariadb-install-db", *base, "--auth-root-authentication-method=normal", "--skip-test-db"],
            capture_output=True, text=True, env=real_time(),
        )  # fmt: skip
        assert installed.returncode == 0, installed.stdout + installed.stderr
        daemon = servers.program("mariadbd")
        assert daemon is not None
        self._run([daemon, *base, f"--socket={socket}", "--skip-networking", "--innodb-flush-log-at-trx-commit=0"])
        create = ["mariadb", "--no-defaults", f"--socket={socket}", "--user=root", "-e", "CREATE DATABASE wordpress"]
        self._wait(lambda: subprocess.run(create, capture_output=True, env=real_time()).returncode == 0)

    @property
    def _socket(self) -> Path:
        return self._directory / "sql"

    def _copy_files(self) -> None:
        """Debian's files are links in places, and its configuration is one for the whole machine."""
        skipped = shutil.ignore_patterns("wp-config.php", "languages")
        shutil.copytree(servers.WORDPRESS, self._root, ignore=skipped)
        languages = self._root / "wp-content" / "languages"
        languages.mkdir()
        for file in (servers.WORDPRESS / "wp-content" / "languages").glob("*ru_RU*"):
            shutil.copy(file, languages)
        shutil.copytree(PLUGIN, self._root / "wp-content" / "plugins" / PLUGIN.name)
        values = {"socket": self._socket, "url": self.url, "log": self._directory / "debug.log"}
        (self._root / "wp-config.php").write_text(CONFIGURATION.format(**values))

    def _start_web_server(self) -> None:
        self._run(["php", "-S", f"127.0.0.1:{self.port}", "-t", str(self._root)], PHP_CLI_SERVER_WORKERS="4")

        def answers() -> bool:
            try:
                return bool(urllib.request.urlopen(self.url, timeout=20).status == 200)
            except (urllib.error.URLError, OSError):
                return False

        self._wait(answers)

    def _run(self, command: list[str], **environment: str) -> None:
        with (self._directory / "servers.log").open("ab") as log:
            process = subprocess.Popen(
                die_with_parent(command),
                cwd=self._directory,
                env=real_time() | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._processes.append(process)

    def _wait(self, is_there: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_LIMIT
        while not is_there():
            if self._processes[-1].poll() is not None or time.monotonic() > deadline:
                raise AssertionError((self._directory / "servers.log").read_text())
            time.sleep(0.1)
