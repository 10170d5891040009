"""Fixtures of the browser tests: one service for all of them; a site and a host page server for each module."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.factories import SECRET
from tests.support.collection_stories import Town
from tests.support.mail import MailSink
from tests.support.processes import Service, free_port, patched_program
from tests.support.widget import Examples, WidgetSite

# Every form that opens computes a proof of work: a fifth of the processor time of a short test. test_widget_help.py
# computes the full one and measures it.
LESS_WORK = ("widget_api.sites.tickets.MAX_NUMBER=1000",)


@pytest.fixture(scope="session")
def widget_service(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[Service]:
    directory = tmp_path_factory.mktemp("widget")
    shutil.copyfile(migrated_sqlite, directory / "widget.db")
    port = free_port()
    settings = {
        "WIDGET_DATA": str(directory / "data"),
        "WIDGET_DATABASE_URL": f"sqlite:///{directory / 'widget.db'}",
        "WIDGET_SECRET_KEYS": SECRET,
        "WIDGET_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "WIDGET_MAIL_FROM": "widget@widget.test",
        "WIDGET_RATE_LIMITS": "off",  # all clients of these tests share one IP address
    }
    service = Service(directory, settings, port, (), patched_program(*LESS_WORK)).start()
    yield service
    service.kill()


@pytest.fixture(scope="module")
def widget_site(widget_service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WidgetSite]:
    built = WidgetSite.build(widget_service, tmp_path_factory.mktemp("web"))
    yield built
    built.host.close()


@pytest.fixture(scope="module")
def example_pages(widget_service: Service) -> Iterator[Examples]:
    """embed_examples/ on its own origin, embedding sites of the same service."""
    built = Examples.build(widget_service)
    yield built
    built.pages.close()


@pytest.fixture
def found_town(
    serve: Callable[..., Service], mail_sink: MailSink, database_url: str, tmp_path: Path
) -> Iterator[Callable[..., Town]]:
    """`found_town(preset, *options of "collection set")`: the town in which a story takes place, on both databases."""
    with contextlib.ExitStack() as ending:

        def found(preset: str, *options: str) -> Town:
            town = Town(serve, mail_sink, database_url, tmp_path, preset, *options)
            ending.callback(town.close)
            return town

        yield found
