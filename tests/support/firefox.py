"""Drive Firefox over WebDriver BiDi (https://www.w3.org/TR/webdriver-bidi/), which it supports without a driver."""

import asyncio
import contextlib
import itertools
import json
import re
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

from scripts.browser import firefox as executable
from scripts.browser import real_time
from tests.support.processes import die_with_parent
from tests.support.remote_browser import AS_JSON, PATIENCE, RemoteBrowser

PREFERENCES = {
    "app.update.disabledForTesting": True,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "intl.accept_languages": "ru-RU, ru",
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "toolkit.legacyUserProfileCustomizations.stylesheets": True,  # _WITHOUT_TOOLBARS
    "toolkit.telemetry.server": "",
}
# Keys are sent to the page, whatever has the focus. So the focus must not go to the toolbars: from there Tab would not
# lead back.
_WITHOUT_TOOLBARS = "#navigator-toolbox { display: none !important }"


class Firefox(RemoteBrowser):
    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._context = ""
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._listening = asyncio.create_task(self._listen())
        self._requests: list[str] = []
        self.complaints: list[str] = []

    async def _listen(self) -> None:
        async for message in self._socket:
            data = json.loads(message.data)
            if data["type"] == "event":
                self._handle_message(data["method"], data["params"])
            elif data["type"] == "error":
                self._answers.pop(data["id"]).set_exception(AssertionError(f"{data['error']}: {data['message']}"))
            else:
                self._answers.pop(data["id"]).set_result(data["result"])

    def _handle_message(self, event: str, data: dict[str, Any]) -> None:
        if event == "network.beforeRequestSent":
            url = data["request"]["url"]
            if not url.startswith("data:"):  # no network request; sometimes Firefox also reports its own fonts
                self._requests.append(url)
        elif event == "log.entryAdded" and data["level"] in ("error", "warn"):
            self.complaints.append(data["text"])

    async def command(self, method: str, **parameters: Any) -> Any:
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        return await asyncio.wait_for(answer, PATIENCE)

    async def begin(self) -> None:
        await self.command("session.new", capabilities={})
        await self.command("session.subscribe", events=["network.beforeRequestSent", "log.entryAdded"])
        page = (await self.command("browsingContext.getTree"))["contexts"][0]["context"]
        viewport = {"width": 1280, "height": 900}
        await self.command("browsingContext.setViewport", context=page, viewport=viewport)

    async def goto(self, url: str, wait: str = "complete") -> None:
        self._context = (await self.command("browsingContext.getTree"))["contexts"][0]["context"]
        self._requests.clear()
        self.complaints.clear()
        await self.command("browsingContext.navigate", context=self._context, url=url, wait=wait)

    async def enter_frame(self) -> None:
        (page,) = (await self.command("browsingContext.getTree", root=self._context))["contexts"]
        self._context = page["children"][0]["context"]

    async def run(self, function: str, *arguments: Any) -> Any:
        data = await self.command(
            "script.callFunction",
            functionDeclaration=f"given => ({AS_JSON})({function}, given)",
            arguments=[{"type": "string", "value": json.dumps(arguments)}],
            target={"context": self._context},
            awaitPromise=False,
        )
        assert data["type"] == "success", data
        return json.loads(data["result"]["value"])

    async def requested(self) -> list[str]:
        return self._requests

    async def perform(self, sources: list[dict[str, Any]]) -> None:
        await self.command("input.performActions", context=self._context, actions=sources)

    async def end(self) -> None:
        await self.command("browser.close")
        self._listening.cancel()


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    output = b""
    async for line in process.stderr:
        output += line
        if found := re.search(rb"WebDriver BiDi listening on (ws://\S+)", line):
            return f"{found[1].decode()}/session"
    raise AssertionError(f"Firefox did not start: {output.decode(errors='replace')}")


@contextlib.asynccontextmanager
async def started() -> AsyncIterator[Firefox]:
    """A new Firefox with its own profile, closed at the end of the block."""
    path = executable()
    assert path is not None, "no Firefox here; run `make prepare` first (make test does)"
    with tempfile.TemporaryDirectory(prefix="firefox-", ignore_cleanup_errors=True) as profile:
        lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items())
        (Path(profile) / "user.js").write_text("\n".join(lines))
        styles = Path(profile) / "chrome/userChrome.css"  # where Firefox looks for it
        styles.parent.mkdir()
        styles.write_text(_WITHOUT_TOOLBARS)
        command = [path, "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port", "0"]
        process = await asyncio.create_subprocess_exec(
            *die_with_parent(command), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE, env=real_time(),
        )  # fmt: skip
        try:
            address = await asyncio.wait_for(_address(process), 2 * PATIENCE)
            async with aiohttp.ClientSession() as client, client.ws_connect(address, max_msg_size=0) as socket:
                browser = Firefox(socket)
                await browser.begin()
                yield browser
                await browser.end()
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.communicate()
