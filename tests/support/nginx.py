"""Write the shipped nginx configuration with the ports, folders and certificate of a test or a benchmark."""

import os
import re
import subprocess
from pathlib import Path

from scripts import servers
from tests.support.certificates import Certificate

CONFIGURATION = Path(__file__).resolve().parents[2] / "deploy" / "nginx" / "widget.conf"
_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def command(folder: Path, upstream: int, port: int, plain_port: int, certificate: Certificate | None) -> list[str]:
    """The command that starts nginx in front of the service on port `upstream`, without a certificate for plain HTTP.

    The shipped file stands in parts of Debian's nginx.conf. The cache is `folder/cache`, the log `folder/widget.log`.
    """
    text = CONFIGURATION.read_text()
    text = re.sub(r"\n\s+listen \[::\].+;", "", text)  # this machine may have no IPv6
    changes = {
        "127.0.0.1:8000": f"127.0.0.1:{upstream}",
        "listen 80;": f"listen {plain_port};",
        "/var/log/nginx/": f"{folder}/",
        "/var/cache/nginx-widget": f"{folder}/cache",
    }
    if certificate is None:
        text = re.sub(r"\n\s+ssl_.+;", "", text)
        changes |= {"listen 443 ssl": f"listen {port}"}
    else:
        live = "/etc/letsencrypt/live/widget.example.ru"
        changes |= {
            "listen 443 ssl": f"listen {port} ssl",
            f"{live}/fullchain.pem": str(certificate.shown),
            f"{live}/privkey.pem": str(certificate.key),
        }
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    (folder / "widget.conf").write_text(text)
    paths = "".join(f"{name}_temp_path {folder}/{name};\n" for name in _TEMPORARY)
    main = folder / "nginx.conf"
    user = "user root;\n" if os.geteuid() == 0 else ""
    main.write_text(
        f"{user}daemon off;\npid {folder}/nginx.pid;\nerror_log stderr warn;\nevents {{}}\n"
        f"http {{\nsendfile on;\ntcp_nopush on;\ngzip on;\n{paths}include {folder}/widget.conf;\n}}\n"
    )
    nginx = servers.program("nginx")
    assert nginx is not None
    checked = subprocess.run([nginx, "-t", "-c", str(main)], capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0, checked.stderr
    assert "warn" not in checked.stderr
    return [nginx, "-c", str(main)]
