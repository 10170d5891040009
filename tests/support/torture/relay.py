"""A relay between a page and the subject's server, which can make the network bad for every engine alike.

WebDriver has no command for it, and a service worker or a patched `fetch` would spare scripts and frames.
"""

import contextlib
import http.client
import re
import threading
import time
from urllib.parse import urlsplit

from tests.support.pages import LocalServer, QuietHandler
from tests.support.torture.subjects import WRITTEN

FAULTS = ("slow", "offline", "down", "html", "chunks")
DELAY = 0.5  # seconds before each answer of a slow network
GATEWAY = b"<!doctype html><title>Wi-Fi</title><h1>Sign in to the network</h1>"
# Belong to one connection (RFC 9110, section 7.6.1), or are written anew.
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "date", "server"}


class Relay(LocalServer):
    """Passes everything on to the server at `target`, unless its `fault` says otherwise."""

    def __init__(self, target: str, fault: str) -> None:
        self.target, self.fault = target, fault
        self.refused = 0  # reports that met a network without connection
        self._passing = threading.Event()
        self._passing.set()
        self.hold, self.release = self._passing.clear, self._passing.set
        super().__init__(self._handler())

    def _handler(self) -> type[QuietHandler]:
        relay = self

        class Handler(QuietHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                relay._passing.wait()
                match relay.fault:
                    case "slow":
                        time.sleep(DELAY)
                    case "down":
                        return self.hang_up()
                    case "offline" if WRITTEN.encode() in body and not relay.refused:
                        relay.refused += 1
                        return self.hang_up()
                    case "html" if not self.path.endswith(".js"):
                        return self.send(200, [("Content-Type", "text/html")], GATEWAY)
                    case "chunks" if re.match(r"/w/\d+\.\d+\.\d+/.*\.js", self.path):
                        return self.send(404, [("Content-Type", "text/plain")], b"")
                return self.ask(body)

            do_GET = do_POST = do_OPTIONS = do_HEAD = do_PUT = pass_on  # noqa: N815 - the base class names them so

            def ask(self, body: bytes) -> None:
                own = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
                if own.get("Origin") == relay.url:  # a frame of the service, which knows itself by its own address
                    own["Origin"] = relay.target
                with contextlib.closing(
                    http.client.HTTPConnection(urlsplit(relay.target).netloc, timeout=30)
                ) as connection:
                    connection.request(self.command, self.path, body or None, own)
                    answer = connection.getresponse()
                    content = answer.read()
                headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP]
                self.send(answer.status, headers, content)

            def send(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                with contextlib.suppress(ConnectionError):  # a browser that has gone to another page wants no answer
                    self.end_headers()
                    if self.command != "HEAD":
                        self.wfile.write(body)

            def hang_up(self) -> None:
                self.close_connection = True

        return Handler
