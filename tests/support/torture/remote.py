"""Firefox and WebKitGTK as drivers of the torture pages.

Their support modules are asynchronous, a visit is not: they run in a thread with an event loop of its own.
"""

import asyncio
import contextlib
import json
import re
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, TypeVar

from tests.support import firefox, webkit
from tests.support.remote_browser import AS_JSON, RemoteBrowser
from tests.support.torture.relay import Relay

Result = TypeVar("Result")
# https://www.w3.org/TR/webdriver2/#keyboard-actions
_KEYS = {"Tab": "\ue004", "Enter": "\ue007", "Escape": "\ue00c", "Space": " "}
# An expression, or a function of one argument.
_CALL = """async given => {
  const it = (EXPRESSION);
  const value = await (typeof it === "function" ? it(...JSON.parse(given)) : it);
  return (AS_JSON)(() => value, "[]");
}""".replace("AS_JSON", AS_JSON)
# A text: of objects the driver follows the members that the page gave to all of them.
_ASYNC = """const [given, done] = arguments;
(CALL)(given).then(done, error => done(`!${error}`));"""
_VIEWPORT = {"width": 1280, "height": 900}
# One profile sees all pages: what one stores must not reach the next.
_FORGET = """async () => {
  localStorage.clear();
  sessionStorage.clear();
  for (const worker of await navigator.serviceWorker.getRegistrations()) await worker.unregister();
}"""


class _Firefox:
    def __init__(self, browser: firefox.Firefox) -> None:
        self.browser = browser
        self._preloaded: list[str] = []

    async def _page(self) -> dict[str, Any]:
        return dict((await self.browser.command("browsingContext.getTree"))["contexts"][0])

    async def open(self, url: str, scripts: list[str]) -> None:
        for script in self._preloaded:
            await self.browser.command("script.removePreloadScript", script=script)
        added = [
            await self.browser.command("script.addPreloadScript", functionDeclaration=f"() => {{{script}\n}}")
            for script in scripts
        ]
        self._preloaded = [one["script"] for one in added]
        await self.browser.goto(url, wait="interactive")

    async def _call_in(self, context: str, expression: str, given: str) -> Any:
        answer = await self.browser.command(
            "script.callFunction",
            functionDeclaration=_CALL.replace("EXPRESSION", expression),
            arguments=[{"type": "string", "value": given}],
            target={"context": context},
            awaitPromise=True,
        )
        assert answer["type"] == "success", answer
        return json.loads(answer["result"]["value"])

    async def call(self, expression: str, given: str) -> Any:
        return await self._call_in((await self._page())["context"], expression, given)

    async def call_everywhere(self, expression: str, given: str) -> list[Any]:
        waiting, answers = [await self._page()], []
        while waiting:
            document = waiting.pop(0)
            waiting += document["children"] or ()
            with contextlib.suppress(AssertionError):  # a frame that goes or loads anew
                answers.append(await self._call_in(document["context"], expression, given))
        return answers

    async def begin(self, width: int, height: int) -> None:
        """In a tab of its own: it has no history, and the focus, which an earlier visit may have left in the toolbar.
        Keys sent to a page move its focus even then, but nothing of it has the focus in the eyes of the page.
        """
        before = await self._page()
        page = (await self.browser.command("browsingContext.create", type="tab"))["context"]
        await self.browser.command("browsingContext.close", context=before["context"])
        viewport = {"width": width, "height": height}
        await self.browser.command("browsingContext.setViewport", context=page, viewport=viewport)

    async def back(self) -> None:
        page = (await self._page())["context"]
        await self.browser.command("browsingContext.traverseHistory", context=page, delta=-1)


class _WebKit:
    """It has no preload scripts: they run when the page is parsed, while the subject's own script is held back."""

    def __init__(self, browser: webkit.WebKit) -> None:
        self.browser = browser
        self._scripts: list[str] = []

    async def open(self, url: str, scripts: list[str]) -> None:
        self._scripts = scripts
        await self.browser.goto(url)
        parsed = "url => location.href === url && document.readyState !== 'loading'"
        await self.browser.until("the parsed page", parsed, url)
        for script in scripts:
            await self.browser.command("execute/sync", script=script, args=[])

    async def call(self, expression: str, given: str) -> Any:
        script = _ASYNC.replace("CALL", _CALL.replace("EXPRESSION", expression))
        answer = await self.browser.command("execute/async", script=script, args=[given])
        assert answer[0] != "!", answer
        return json.loads(answer)

    async def call_everywhere(self, expression: str, given: str) -> list[Any]:
        answers = [await self.call(expression, given)]
        for frame in range(await self.call("window.length", "[]")):
            with contextlib.suppress(AssertionError):  # a frame that goes or loads anew
                await self.browser.command("frame", id=frame)
                if not await self.call("'__walk' in window", "[]"):
                    await self.browser.command("execute/sync", script=self._scripts[0], args=[])
                answers += await self.call_everywhere(expression, given)
                await self.browser.command("frame/parent")
        return answers

    async def begin(self, width: int, height: int) -> None:
        """In the middle of the screen, below the pointer: without a window manager the keys go where it points."""
        height += 100  # the bar of MiniBrowser
        (across, down), rect = webkit.SCREEN, {"width": width, "height": height}
        await self.browser.command("window/rect", x=(across - width) // 2, y=(down - height) // 2, **rect)

    async def back(self) -> None:
        await self.browser.command("back")


class Remote:
    """A `Driver` of the page that this browser has: tests/support/torture/hazards.py."""

    def __init__(self, loop: asyncio.AbstractEventLoop, name: str, engine: _Firefox | _WebKit) -> None:
        self._loop, self.name, self._engine = loop, name, engine
        self._browser: RemoteBrowser = engine.browser
        self._scripts: list[str] = []
        self._url = ""

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def begin(self, relay: Relay, context: dict[str, Any]) -> None:
        """A new page, whose subject is reached through this relay. Of the context both know the viewport alone."""
        self._relay, self._scripts = relay, []
        self._run(self._engine.begin(**context.get("viewport", _VIEWPORT)))

    def add_init_script(self, script: str) -> None:
        self._scripts.append(script)

    def arrive(self, url: str, held: str) -> None:
        self._url = url
        self._relay.hold()
        self._run(self._engine.open(url, self._scripts))

    def release(self) -> None:
        self._relay.release()
        # A listener would go through what the page has made of `addEventListener`.
        self._run(self._browser.until("the loaded page", "() => __walk.isLoaded()"))

    def leave_and_return(self) -> None:
        self._run(self._engine.open(self._url.rpartition("/torture/")[0] + "/plain/", self._scripts))
        self._run(self._engine.back())
        self._run(self._browser.until("the page before", "url => location.href === url", self._url))

    def press(self, key: str) -> None:
        self._run(self._browser.type(_KEYS[key]))

    def type(self, text: str) -> None:
        self._run(self._browser.type(text))

    def evaluate(self, expression: str, argument: Any = None) -> Any:
        return self._run(self._engine.call(expression, json.dumps([argument])))

    def everywhere(self, function: str, argument: Any = None) -> list[Any]:
        return self._run(self._engine.call_everywhere(function, json.dumps([argument])))

    def complaints(self) -> list[str]:
        # Browsers ask for the page's icon by themselves, which a policy may forbid.
        return [text for text in self._browser.complaints if "/favicon.ico" not in text]

    def origins(self) -> set[str]:
        found = (re.match(r"https?://[^/]+", url) for url in self._run(self._browser.requested()))
        return {one[0] for one in found if one}

    def close(self) -> None:
        """Leave nothing for the next page."""
        with contextlib.suppress(AssertionError):  # a page may be without storage
            self.evaluate(_FORGET)


@contextlib.asynccontextmanager
async def _started(engine: str) -> AsyncIterator[_Firefox | _WebKit]:
    if engine == "firefox":
        async with firefox.started() as browser:
            yield _Firefox(browser)
    else:
        async with webkit.started(strategy="none") as page:
            yield _WebKit(page)


@contextlib.contextmanager
def remote(engine: str) -> Iterator[Remote]:
    """A started `firefox` or `webkit`."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name=engine, daemon=True)
    thread.start()
    started = _started(engine)
    try:
        yield Remote(loop, engine, asyncio.run_coroutine_threadsafe(started.__aenter__(), loop).result())
    finally:
        asyncio.run_coroutine_threadsafe(started.__aexit__(None, None, None), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
