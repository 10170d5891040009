"""Tells machines how the service is: alive, ready, and in figures."""

from __future__ import annotations

import hmac
import ipaddress

from prometheus_client import CollectorRegistry, generate_latest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, http
from widget_api.deliveries import operating
from widget_api.errors import DomainError, NotFound
from widget_api.health.figures import Figures

_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")


async def healthz(request: Request) -> Response:
    """The process answers."""
    return PlainTextResponse("ok\n", headers={"Cache-Control": "no-store"})


async def readyz(request: Request) -> Response:
    """503 where the database does not answer or the queue has stopped."""
    database = http.context(request).database
    try:
        standing = await operating.stalled(database, clock.now())
    except (DomainError, OSError) as error:
        return PlainTextResponse(f"database: {type(error).__name__}\n", 503, {"Cache-Control": "no-store"})
    if standing:
        return PlainTextResponse(f"queue: stalled for {standing} s\n", 503, {"Cache-Control": "no-store"})
    return PlainTextResponse("ready\n", headers={"Cache-Control": "no-store"})


async def metrics(request: Request) -> Response:
    """Prometheus text; to loopback, or with the bearer token of WIDGET_METRICS_TOKEN."""
    if not _may_read(request):
        raise NotFound
    context = http.context(request)
    figures, registry = Figures(), CollectorRegistry()
    await figures.read(context.database, clock.now(), limits_shared=await context.limits.look())
    registry.register(figures)
    return Response(generate_latest(registry), media_type="text/plain; version=0.0.4")


def _may_read(request: Request) -> bool:
    token = http.context(request).settings.metrics_token
    given = request.headers.get("authorization", "").removeprefix("Bearer ")
    if token:
        return hmac.compare_digest(given.encode(), token.encode())
    if any(name in request.headers for name in _FORWARDED):  # a proxy on this machine, with anybody behind it
        return False
    try:
        return ipaddress.ip_address(http.client_address(request)).is_loopback
    except ValueError:
        return False


routes: list[BaseRoute] = [
    Route("/healthz", healthz, methods=["GET"]),
    Route("/readyz", readyz, methods=["GET"]),
    Route("/metrics", metrics, methods=["GET"]),
]
