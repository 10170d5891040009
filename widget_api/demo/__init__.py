"""`widget-api demo`: the whole product on one machine, filled with a small town, so that anyone can walk through it."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sys
from pathlib import Path
from types import FrameType

import orjson

from widget_api import i18n
from widget_api.demo import map_tiles, seed
from widget_api.demo.mailbox import Mailbox
from widget_api.demo.processes import Processes, free
from widget_api.settings import Settings, SettingsError

HOST = "127.0.0.1"
FIRST_PORT = 8000


def address(port: int) -> str:
    return f"http://{HOST}:{port}"


def choose_ports(first: int) -> tuple[int, int, int, int]:
    """The next four free ports from `first` on: service, platform, host pages, letters."""
    free_ports = (port for port in range(first, 65_536) if free(HOST, port))
    chosen = tuple(itertools.islice(free_ports, 4))
    if len(chosen) < 4:
        raise SettingsError(f"--port: there are no four free ports from {first} on")
    return chosen  # type: ignore[return-value] # four, as just seen


def run(loaded: Settings, first_port: int = FIRST_PORT) -> None:
    """Fill what is empty, start everything, say where it is, and stay until Ctrl-C."""
    service_port, platform_port, pages_port, mail_port = choose_ports(first_port)
    data = loaded.data_directory
    data.mkdir(parents=True, exist_ok=True)
    print("Filling the demonstration …", file=sys.stderr, flush=True)
    places = seed.Places(
        service=address(service_port),
        platform=address(platform_port),
        pages=address(pages_port),
        mail=address(mail_port),
    )
    platform_database = f"sqlite:///{(data / 'platform' / 'widget.db').absolute()}"
    told, kept = data / "demo.json", data / "demo.json.kept"
    if told.exists():
        told.replace(kept)  # whoever waits for demo.json finds what is answering, never what is still starting
    before = orjson.loads(kept.read_bytes()) if kept.exists() else None
    made = asyncio.run(seed.fill(loaded.database_url, platform_database, places, before, loaded.media_url))
    kept.write_bytes(orjson.dumps(made, option=orjson.OPT_INDENT_2))
    map_settings = _map(loaded, data)  # before anything runs: drawing takes some seconds the first time
    with Processes(data) as processes, Mailbox(HOST, mail_port, [data / "mail", data / "platform" / "mail"]):
        signal.signal(signal.SIGTERM, _stop)
        environ = {name: value for name, value in os.environ.items() if not name.startswith("WIDGET_PLATFORM_")}
        platform = environ | _platform(data, platform_database, places)
        processes.start("platform", platform, "serve", "--port", str(platform_port))
        service = environ | _service(loaded, made, places) | map_settings
        processes.start("service", service, "serve", "--port", str(service_port))
        first, second = (site["key"] for site in made["sites"][:2])
        keys = ("--key", first, "--second-key", second)
        processes.pages("--port", str(pages_port), "--service", places.service, *keys)
        for instance in (places.platform, places.service):
            processes.wait_for(f"{instance}/readyz")
        processes.wait_for(places.pages)
        kept.replace(told)
        print(seed.described(made), flush=True)
        processes.stay()


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _platform(data: Path, database: str, places: seed.Places) -> dict[str, str]:
    return {
        "WIDGET_DATABASE_URL": database,
        "WIDGET_DATA": str(data / "platform"),
        "WIDGET_PUBLIC_URL": places.platform,
        "WIDGET_SECRET_KEYS": "",  # each instance makes its own
        "WIDGET_MEDIA_URL": "",
    }


def _service(loaded: Settings, made: seed.Made, places: seed.Places) -> dict[str, str]:
    token = next(token["token"] for token in made["tokens"] if token["instance"] == "platform")
    return {
        "WIDGET_DATABASE_URL": loaded.database_url,
        "WIDGET_DATA": str(loaded.data_directory),
        "WIDGET_PUBLIC_URL": places.service,
        "WIDGET_PLATFORM_URL": f"{places.platform}/open311/v2",
        "WIDGET_PLATFORM_NAME": i18n.text("ru", "demo.platform"),
        "WIDGET_PLATFORM_KEY": token,
    }


def _map(loaded: Settings, data: Path) -> dict[str, str]:
    """The invented town's own ground, unless another was chosen."""
    if loaded.tiles is not None:
        return {}
    attribution = i18n.text("ru", "demo.town.ground")
    return {"WIDGET_TILES": str(map_tiles.ensure(data)), "WIDGET_TILES_ATTRIBUTION": attribution}
