"""Fixtures of the browser tests: two services for all of them, and for each module a site and a host page server."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.conftest import serving
from tests.support.browser import NewPage, Watch
from tests.support.collection_stories import Town
from tests.support.mail import MailSink
from tests.support.processes import Serve, Service
from tests.support.town import NO_FILLING_TIME
from tests.support.widget import DESKTOP, Examples, WidgetSite

# Every form that opens computes a proof of work: a fifth of the processor time of a short test. test_widget_help.py
# computes the full one and measures it.
LESS_WORK = "widget_api.sites.tickets.MAX_NUMBER=1000"
# What widgets report is counted by site, and written at once (test_install.py).
WRITTEN_SOON = "widget_api.sites.install.sightings.WRITE_INTERVAL=0.1"


@pytest.fixture(scope="session")
def session_serve(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[Serve]:
    with serving(tmp_path_factory.mktemp("services"), migrated_sqlite) as start:
        yield start


@pytest.fixture(scope="session")
def widget_service(session_serve: Serve) -> Service:
    # All clients of these tests share one IP address.
    return session_serve(rate_limits="off", changes=(LESS_WORK, NO_FILLING_TIME, WRITTEN_SOON), fork=False)


@pytest.fixture(scope="session")
def service_mail() -> Iterator[MailSink]:
    """The letters of `service`, whose addressees differ from test to test."""
    sink = MailSink()
    yield sink
    sink.close()


@pytest.fixture(scope="session")
def service(session_serve: Serve, service_mail: MailSink) -> Service:
    """One service for the tests of the cabinet and of residents' pages: each has its own town (support/town.py)."""
    settings = {"challenge": "off", "rate_limits": "off", "smtp_url": service_mail.url}
    return session_serve(**settings, changes=(NO_FILLING_TIME,), fork=False)


@pytest.fixture(scope="module")
def widget_site(
    widget_service: Service, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[WidgetSite]:
    """A site of the module's own, with as many problems of a made-up city as its DEMO_PROBLEMS says."""
    built = WidgetSite.build(widget_service, tmp_path_factory.mktemp("web"))
    if problems := getattr(request.module, "DEMO_PROBLEMS", 0):
        built.service.cli("load-demo", "--problems", str(problems), "--site", built.site)
    yield built
    built.host.close()


@pytest.fixture
def address(widget_site: WidgetSite) -> str:
    """URL of a host page with the basic widget."""
    return widget_site.page(widget_site.snippet())


@pytest.fixture
def web_share(watch: Watch) -> None:
    watch.allow("Unrecognized feature: 'web-share'")  # missing in Chromium for Linux


@pytest.fixture
def desktop(new_page: NewPage) -> Page:
    return new_page(viewport=DESKTOP)


@pytest.fixture(scope="module")
def example_pages(widget_service: Service) -> Iterator[Examples]:
    """embed_examples/ on its own origin, embedding sites of the same service."""
    built = Examples.build(widget_service)
    yield built
    built.pages.close()


@pytest.fixture
def found_town(serve: Serve, mail_sink: MailSink, database_url: str, tmp_path: Path) -> Iterator[Callable[..., Town]]:
    """`found_town(preset, *options of "collection set")`: the town in which a story takes place, on both databases."""
    with contextlib.ExitStack() as ending:

        def found(preset: str, *options: str) -> Town:
            town = Town(serve, mail_sink, database_url, tmp_path, preset, *options)
            ending.callback(town.close)
            return town

        yield found
