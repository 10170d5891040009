"""Logging: all messages in one format, and never a key, a token or a password."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator

import pytest

from widget_api import logs


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)
    logging.getLogger("uvicorn.access").disabled = False


def test_production_writes_json_lines_to_standard_error_and_no_access_log(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(production=True)
    logging.getLogger("widget_api.test").warning("письмо %s", "ушло")
    written = capsys.readouterr()
    assert written.out == ""
    line = json.loads(written.err)
    assert (line["event"], line["level"], line["logger"]) == ("письмо ушло", "warning", "widget_api.test")

    logs.configure(production=True)
    logging.getLogger("uvicorn.access").info("GET /t/secret")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("production", [True, False])
@pytest.mark.parametrize(
    "secret",
    [
        "wk_Djyn67omTDDlA2UK1FjI8miM", "wt_6PCNiBqyYG0FFOiP7pHr8", "/t/ImFiYyI.aBcDeF.x-y_z",
        "/confirm/ImFiYyI.aBcDeF.x-y_z", "/unsubscribe/ImFiYyI.aBcDeF.x-y_z", "/mine/ImFiYyI.aBcDeF.x-y_z",
        "/unfollow/ImFiYyI.aBcDeF.x-y_z", "/my-comment/ImFiYyI.aBcDeF.x-y_z", "/moderate/ImFiYyI.aBcDeF.x-y_z",
        "/cabinet/invitation/aBcDeF-x_y", "postgresql://user:geheim@host/db", "(email)=(anna@example.test)",
        "/photos/0199.jpg?s=1800000000.S3CRET", "https://w.test/s/x/install/check?token=S3CRET#look",
        "/mine/S3CRET?lang=ru", "/t/S3CRET/withdraw", "/t/S3CRET?done=1",
    ],
)  # fmt: skip
def test_secrets_are_redacted(capsys: pytest.CaptureFixture[str], secret: str, production: bool) -> None:
    logs.configure(production=production)
    try:
        raise ValueError(f"GET {secret} failed")
    except ValueError:
        logging.getLogger("widget_api.test").exception("a call of %s", secret)
    written = capsys.readouterr().err
    assert "a call of" in written
    assert secret not in written
    assert not any(word in written for word in ("geheim", "S3CRET", "anna@"))
    assert " failed" in written, "what stands behind it is kept"


async def test_request_lines_are_buffered_for_a_limited_time(capsys: pytest.CaptureFixture[str]) -> None:
    kept = logs.RequestLog(production=True)
    for _ in range(kept.MOST - 1):
        kept.note("GET", "/healthz", 200, 0.001)
    assert capsys.readouterr().err == ""
    kept.note("GET", "/healthz", 200, 0.001)
    assert capsys.readouterr().err.count("\n") == kept.MOST
    kept.note("GET", "/healthz", 200, 0.001)
    await asyncio.sleep(2 * kept.PAUSE)
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("production", [True, False])
def test_line_breaks_from_servers_are_escaped(capsys: pytest.CaptureFixture[str], production: bool) -> None:
    logs.configure(production=production)
    logging.getLogger("widget_api.test").warning("it said %s", "no\n2026-01-01 [info] forged\x1b[31m\x9b0m\udcff\r")
    written = capsys.readouterr().err
    assert written.count("\n") == 1
    assert not set(json.loads(written)["event"] if production else written.rstrip("\n")) & set("\x1b\x9b\r\n\udcff")
