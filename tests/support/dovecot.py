"""A Dovecot server for tests: one process on two loopback ports; every mailbox has the same password."""

import imaplib
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from scripts.browser import real_time
from scripts.servers import dovecot
from tests.support.certificates import issue_certificate
from tests.support.processes import die_with_parent, free_port

PASSWORD = "secret+for/one test"
ELSEWHERE = "0.0.0.0"  # this machine, under an address that is not recognised as loopback
_CONFIGURATION = """
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_server_cert_file = {certificate.shown}
ssl_server_key_file = {certificate.key}
auth_allow_cleartext = yes
mail_driver = maildir
mail_path = {root}/mail/%{{user}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {secure_port}
  }}
}}
passdb static {{
  password = {password}
}}
userdb static {{
  fields {{
    uid = nobody
    gid = nogroup
    home = {root}/mail/%{{user}}
  }}
}}
"""


class Dovecot:
    """Mailboxes are created on first sign-in."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="dovecot-"))  # not the test's own folder, which only root can read
        self.port, self.secure_port = free_port(), free_port()
        self.root.chmod(0o755)
        for name in ("run", "state", "mail"):
            (self.root / name).mkdir()
        (self.root / "mail").chmod(0o777)
        self.certificate = issue_certificate(self.root, "127.0.0.1", ELSEWHERE)
        settings = {"port": self.port, "secure_port": self.secure_port, "certificate": self.certificate}
        configuration = self.root / "dovecot.conf"
        configuration.write_text(_CONFIGURATION.format(root=self.root, password=PASSWORD, **settings))
        command = dovecot()
        assert command is not None, "no Dovecot here"
        self._process = subprocess.Popen(
            die_with_parent([command, "-F", "-c", str(configuration)]),
            env=real_time(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def signed_in(self, user: str = "widget") -> imaplib.IMAP4:
        deadline = time.monotonic() + 60
        while True:
            try:
                client = imaplib.IMAP4("127.0.0.1", self.port, timeout=30)
            except OSError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    log = self.root / "log"
                    raise AssertionError(log.read_text() if log.exists() else "Dovecot did not start") from None
                time.sleep(0.05)
            else:
                client.login(user, PASSWORD)
                return client

    def put(self, *letters: bytes, folder: str = "INBOX") -> None:
        client = self.signed_in()
        for raw in letters:
            status, detail = client.append(folder, None, None, raw)
            assert status == "OK", detail
        client.logout()

    def create(self, folder: str) -> None:
        client = self.signed_in()
        client.create(folder)
        client.logout()

    def count(self, folder: str = "INBOX", criterion: str = "ALL") -> int:
        client = self.signed_in()
        client.select(folder, readonly=True)
        _, data = client.search(None, criterion)
        client.logout()
        return len(data[0].split())

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(30)
        shutil.rmtree(self.root, ignore_errors=True)
