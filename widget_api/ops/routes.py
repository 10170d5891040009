"""Routes for monitoring: liveness, readiness and metrics."""

from __future__ import annotations

import hmac

from prometheus_client import CollectorRegistry, generate_latest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, network, web
from widget_api.deliveries import admin
from widget_api.errors import DomainError, NotFound
from widget_api.ops.metrics import ServiceMetrics

_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")


async def healthz(request: Request) -> Response:
    """Return 200: the process responds."""
    return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})


async def readyz(request: Request) -> Response:
    """Return 200, or 503 if the database does not respond or the queue has stalled."""
    database = web.context(request).database
    try:
        standstill = await admin.measure_standstill(database, clock.now())
    except (DomainError, OSError) as error:
        return PlainTextResponse(f"database: {type(error).__name__}\n", 503, {"Cache-Control": "no-store"})
    if standstill:
        return PlainTextResponse(f"queue: stalled for {standstill} s\n", 503, {"Cache-Control": "no-store"})
    return PlainTextResponse("ready\n", headers={"Cache-Control": "no-store"})


async def metrics(request: Request) -> Response:
    """Return the metrics in Prometheus's text format. Requires the bearer token of WIDGET_METRICS_TOKEN; in development
    without one, requests from this machine are allowed."""
    if not _may_read(request):
        raise NotFound
    context = web.context(request)
    collector, registry = ServiceMetrics(), CollectorRegistry()
    await collector.read(context.database, clock.now(), limits_shared=await context.limits.check_shared())
    registry.register(collector)
    return Response(generate_latest(registry), media_type="text/plain; version=0.0.4")


def _may_read(request: Request) -> bool:
    """Whether the request may read the metrics. In production a request from this machine proves nothing: it may come
    from a proxy that forwards any client without saying so."""
    settings = web.context(request).settings
    if settings.metrics_token or settings.production:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        expected = settings.metrics_token or ""
        same = hmac.compare_digest(token.strip().encode(), expected.encode())
        return scheme.lower() == "bearer" and bool(expected) and same
    if any(name in request.headers for name in _FORWARDED):
        return False
    return network.is_loopback(web.client_address(request))


routes: list[BaseRoute] = [
    Route("/healthz", healthz, methods=["GET"]),
    Route("/readyz", readyz, methods=["GET"]),
    Route("/metrics", metrics, methods=["GET"]),
]
