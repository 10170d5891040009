"""One service and one host site for all tests of the widget in a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.factories import SECRET
from tests.support.processes import Service, free_port
from tests.support.widget import Examples, Stand


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    directory = tmp_path_factory.mktemp("widget")
    port = free_port()
    settings = {
        "WIDGET_DATA": str(directory / "data"),
        "WIDGET_DATABASE_URL": f"sqlite:///{directory / 'widget.db'}",
        "WIDGET_SECRET_KEYS": SECRET,
        "WIDGET_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "WIDGET_MAIL_FROM": "widget@widget.test",
        "WIDGET_RATE_LIMITS": "off",  # all the residents of these tests share one address
    }
    service = Service(directory, settings, port).start()
    web = directory / "web"
    web.mkdir()
    built = Stand.build(service, web)
    yield built
    built.host.close()
    service.kill()


@pytest.fixture(scope="module")
def town(stand: Stand) -> Iterator[Examples]:
    """The same service, and embed_examples/ on an origin of its own."""
    built = Examples.build(stand.service)
    yield built
    built.pages.close()
