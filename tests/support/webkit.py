"""Drive WebKitGTK, Safari's engine, over WebDriver (https://www.w3.org/TR/webdriver2/) on a virtual screen."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from scripts.browser import real_time
from scripts.browser import webkit as programs
from tests.support.processes import die_with_parent, free_port
from tests.support.remote_browser import AS_JSON, PATIENCE, RemoteBrowser

# Without these, WebKitGTK in a container looks for a graphics card that is not there.
DRAWING = {"WEBKIT_DISABLE_DMABUF_RENDERER": "1", "LIBGL_ALWAYS_SOFTWARE": "1", "GDK_BACKEND": "x11"}
SCREEN = (1280, 1024)

_REQUESTED = "() => performance.getEntriesByType('resource').map(entry => entry.name)"
_FRAME_SCROLLED_TO = """y => {
  const frame = document.querySelector("iframe");
  scrollBy(0, frame.getBoundingClientRect().y + y - innerHeight / 2);
  const corner = frame.getBoundingClientRect();
  return [Math.round(corner.x), Math.round(corner.y)];
}"""


class WebKit(RemoteBrowser):
    def __init__(self, client: aiohttp.ClientSession, driver: str, session: str) -> None:
        self._client, self._session = client, f"{driver}/session/{session}"
        self._framed = False
        self.complaints = []

    async def command(self, path: str, **body: Any) -> Any:
        return await _post(self._client, f"{self._session}/{path}", body)

    async def goto(self, url: str) -> None:
        await self.command("frame", id=None)
        self._framed = False
        await self.command("url", url=url)

    async def enter_frame(self) -> None:
        await self.command("frame", id=0)
        self._framed = True

    async def run(self, function: str, *arguments: Any) -> Any:
        script = f"return ({AS_JSON})({function}, arguments[0])"
        return json.loads(await self.command("execute/sync", script=script, args=[json.dumps(arguments)]))

    async def requested(self) -> list[str]:
        return list(await self.run(_REQUESTED))

    async def perform(self, sources: list[dict[str, Any]]) -> None:
        if self._framed:
            for move in (one for source in sources for one in source["actions"] if one["type"] == "pointerMove"):
                await self._move_in_page(move)
        await self.command("actions", actions=sources)

    async def _move_in_page(self, move: dict[str, Any]) -> None:
        """This driver takes coordinates relative to the page even inside a frame, and does not scroll the page."""
        await self.command("frame/parent")
        left, top = await self.run(_FRAME_SCROLLED_TO, move["y"])
        await self.command("frame", id=0)
        move["x"] += left
        move["y"] += top

    async def end(self) -> None:
        async with self._client.delete(self._session):
            pass


async def _post(client: aiohttp.ClientSession, url: str, body: dict[str, Any]) -> Any:
    async with client.post(url, json=body) as answer:
        value = (await answer.json())["value"]
        assert answer.status == 200, value
        return value


@contextlib.asynccontextmanager
async def _process(command: list[str], environ: dict[str, str], **options: Any) -> AsyncIterator[Any]:
    running = await asyncio.create_subprocess_exec(
        *die_with_parent(command), env=real_time() | environ, stdin=asyncio.subprocess.DEVNULL, **options
    )
    try:
        yield running
    finally:
        with contextlib.suppress(ProcessLookupError):
            running.terminate()
        await running.communicate()


async def _session(client: aiohttp.ClientSession, driver: str, browser: str, strategy: str) -> str:
    program = {"binary": browser, "args": ["--automation"]}
    options = {"webkitgtk:browserOptions": program, "pageLoadStrategy": strategy}
    for _ in range(int(PATIENCE * 10)):
        with contextlib.suppress(aiohttp.ClientConnectionError):
            made = await _post(client, f"{driver}/session", {"capabilities": {"alwaysMatch": options}})
            return str(made["sessionId"])
        await asyncio.sleep(0.1)
    raise AssertionError("WebKitWebDriver did not start")


@contextlib.asynccontextmanager
async def started(strategy: str = "normal") -> AsyncIterator[WebKit]:
    """A new MiniBrowser, closed at the end of the block. `strategy`: https://www.w3.org/TR/webdriver2/#page-load-strategies"""
    found = programs()
    assert found is not None, "no WebKitGTK here; run `make prepare` first (make test does)"
    driver, browser, screen = found
    quiet = {"stdout": asyncio.subprocess.DEVNULL, "stderr": asyncio.subprocess.DEVNULL}
    seen = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.DEVNULL}
    on_screen = [screen, "-displayfd", "1", "-screen", "0", "{}x{}x24".format(*SCREEN), "-nolisten", "tcp"]
    async with _process(on_screen, {}, **seen) as display:
        number = (await asyncio.wait_for(display.stdout.readline(), PATIENCE)).decode().strip()
        port = free_port()
        environ = DRAWING | {"DISPLAY": f":{number}"}
        async with (
            _process([driver, f"--port={port}", "--host=127.0.0.1"], environ, **quiet),
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2 * PATIENCE)) as client,
        ):
            address = f"http://127.0.0.1:{port}"
            page = WebKit(client, address, await _session(client, address, browser, strategy))
            await page.command("window/rect", width=1280, height=1000)
            try:
                yield page
            finally:
                await page.end()
