"""A name server in a process of its own: UDP on the loopback interface, TXT records from a file read at each question.

    python name_server.py PORT FILE

FILE is JSON: name → list of texts. An unknown name does not exist; one with null is refused.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


class NameServer:
    """Starts and ends the process; `set` changes what it says."""

    def __init__(self, folder: Path) -> None:
        from tests.support.processes import free_port

        self._file, self.port = folder / "records.json", free_port()
        self._records: dict[str, Sequence[str] | None] = {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """A value for WIDGET_DNS."""
        return f"127.0.0.1:{self.port}"

    def set(self, name: str, texts: Sequence[str] | None) -> None:
        self._records[name] = texts
        self._file.write_text(json.dumps(self._records))

    def clear(self) -> None:
        self._records = {}
        self._file.write_text("{}")

    def __enter__(self) -> NameServer:
        from tests.support.processes import die_with_parent

        self.clear()
        command = [sys.executable, __file__, str(self.port), str(self._file)]
        self._process = subprocess.Popen(die_with_parent(command), stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


def answer(question: dns.message.Message, records: dict[str, list[str] | None]) -> dns.message.Message:
    response = dns.message.make_response(question)
    response.flags |= dns.flags.RA
    asked = question.question[0]
    name = asked.name.to_text(omit_final_dot=True)
    if name not in records:
        response.set_rcode(dns.rcode.NXDOMAIN)
    elif (texts := records[name]) is None:
        response.set_rcode(dns.rcode.REFUSED)
    elif texts and asked.rdtype == dns.rdatatype.TXT:
        quoted = [json.dumps(text) for text in texts]
        response.answer.append(dns.rrset.from_text_list(asked.name, 60, "IN", "TXT", quoted))
    return response


def serve(port: int, file: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", port))
        print("ready", flush=True)
        while True:
            packet, sender = listening.recvfrom(4096)
            response = answer(dns.message.from_wire(packet), json.loads(file.read_text()))
            listening.sendto(response.to_wire(), sender)


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]))
