"""What a thousand widgets leave behind in an application that mounts, opens, closes and removes them.

The clock is real, so that timers and answers hold what they hold for a visitor.

The heap is what scripts have made in it: objects, closures, arrays, strings. Left out of the browser's own snapshot is
what the engine makes of scripts that have become warm (compiled code, feedback vectors, hidden classes; some 400 kB
from the tenth widget on, no more after a thousand than after three hundred) and what is the browser's (nodes, which are
counted apart, and the lists of requests and measurements that its tools keep). Whole, the heap grew by a fifth, and
nothing in it was a widget's.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession

from benchmarks.services import Service
from benchmarks.table import Line
from tests.support.browser import Watch, open_context
from tests.support.leaks import BUTTON, CITY, FORM, MOUNT_AND_REMOVE, PROBLEM, count_objects

WARM = 10
BATCH = 50  # a call of the browser each: it ends within its time limit
TIMERS = 20_000  # milliseconds: longer than anything waits for an answer (widget_js/loader/timeouts.ts)
HEAP = 1.1  # of what it was
# Types of nodes of a snapshot (V8, HeapGraphNode::Type).
OURS = {"array", "string", "object", "closure", "regexp", "number", "concatenated string", "sliced string", "symbol"}


def measure(browser: Browser, folder: Path, address: str, running: Service, removals: int) -> list[Line]:
    script = f'<script async src="http://127.0.0.1:{running.port}/w/1/loader.js"></script>'
    (folder / "removals.html").write_text(
        f"<!doctype html><html lang=ru><meta charset=utf-8><title>Город</title><main></main>{script}"
    )
    page = open_context(browser, Watch(), viewport={"width": 1280, "height": 900}).new_page()
    page.goto(f"{address}/removals.html")
    page.wait_for_function("!!customElements.get('igrajdanin-widget')")
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.enable")

    def come_and_go(times: int) -> dict[str, int]:
        for begun in range(0, times, BATCH):
            ways = [BUTTON, FORM, CITY, PROBLEM]
            page.evaluate(MOUNT_AND_REMOVE, [running.key, ways, min(BATCH, times - begun)])
        page.wait_for_timeout(TIMERS)
        return count_objects(session) | {"bytes": measure_heap(session)}

    few, many = come_and_go(WARM), come_and_go(removals)
    page.context.close()

    def grown(name: str) -> Line:
        remark = f"{few[name]} after {WARM}"
        return Line(
            name=f"{name} more after {removals:,}", value=many[name] - few[name], unit="", most=0, remark=remark
        )

    return [
        grown("listeners"),
        grown("nodes"),
        Line(
            name=f"heap after {removals:,}, against {WARM}",
            value=many["bytes"] / few["bytes"],
            most=HEAP,
            remark=f"{(many['bytes'] - few['bytes']) / removals / 1000:.2f} kB a widget",
        ),
    ]


def measure_heap(session: CDPSession) -> int:
    """Bytes of what the page's scripts have made and still hold."""
    parts: list[str] = []

    def take(event: dict[str, Any]) -> None:
        parts.append(event["chunk"])

    session.on("HeapProfiler.addHeapSnapshotChunk", take)
    session.send("HeapProfiler.takeHeapSnapshot", {"reportProgress": False})
    session.remove_listener("HeapProfiler.addHeapSnapshotChunk", take)
    snapshot: dict[str, Any] = json.loads("".join(parts))
    meta, nodes = snapshot["snapshot"]["meta"], snapshot["nodes"]
    fields, types = meta["node_fields"], meta["node_types"][0]
    kinds = nodes[fields.index("type") :: len(fields)]
    sizes = nodes[fields.index("self_size") :: len(fields)]
    return sum(size for kind, size in zip(kinds, sizes, strict=True) if types[kind] in OURS)
