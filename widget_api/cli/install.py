"""Command `site check`: check a site's installation and one of its pages."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from widget_api import clock, i18n
from widget_api.cli.running import Json, print_result, run_command
from widget_api.cli.sites import SiteArgument
from widget_api.cli.sites import site as group
from widget_api.database import Database
from widget_api.settings import Settings
from widget_api.sites import changes
from widget_api.sites import service as sites
from widget_api.web import releases

_LANGUAGE = "en"
_STATE_MARKS = {"ok": "ok   ", "note": "note ", "wrong": "WRONG"}


def register(app: typer.Typer) -> None:
    """Add the command to the group `site`."""
    group.command("check")(check_page)


def check_page(
    site: SiteArgument,
    url: Annotated[str | None, typer.Option(help="Look at this page of the site, too.")] = None,
    as_json: Json = False,
) -> None:
    """When, where and in which version the widget was last seen, and what to put right."""

    from widget_api.outbound import Outbound
    from widget_api.sites.install import overview as install_overview
    from widget_api.sites.install import service

    async def command(database: Database, settings: Settings) -> dict[str, Any]:
        found = await sites.by_id(database, await changes.find_site_id(database, site))
        overview = await service.read_overview(database, settings, found)
        page = None
        if url is not None:
            outbound = Outbound(production=settings.production)
            try:
                address, lines = await service.check_page(database, settings, outbound, found, url)
            finally:
                await outbound.close()
            page = {"url": address, "lines": install_overview.describe_lines(_LANGUAGE, lines)}
        return {
            "site": found.id,
            "link": service.make_check_url(settings, found),
            "last_seen": None if overview.last_at is None else clock.rfc3339(overview.last_at),
            "places": [
                {
                    "origin": place.origin,
                    "versions": list(place.versions),
                    "count": place.count,
                    "last_seen": clock.rfc3339(place.last_at),
                }
                for place in overview.places
            ],
            "unreleased_build": releases.served_build(releases.MAJOR_VERSION) or None,
            "days": [{"day": day, "count": count} for day, count in overview.days],
            "findings": install_overview.describe_findings(_LANGUAGE, overview, found),
            "page": page,
        }

    found = run_command(command)
    print_result(found, _print_lines(found), as_json)


def _print_lines(found: dict[str, Any]) -> list[str]:
    lines = [f"last seen: {found['last_seen'] or 'never'}"]
    lines += [
        f"  {place['origin']}  {', '.join(place['versions']) or '-'}  {place['count']}" for place in found["places"]
    ]
    if build := found["unreleased_build"]:
        lines += [i18n.text(_LANGUAGE, "install.check.build", version=build)]
    for one in found["findings"]:
        lines += ["", f"{_STATE_MARKS[one['severity']]} {one['text']}", f"      {one['todo']}"]
    if found["page"] is not None:
        lines += ["", found["page"]["url"]]
        for line in found["page"]["lines"]:
            lines += [
                f"{_STATE_MARKS[line['state']]} {line['text']}",
                *([f"      {line['todo']}"] if line["todo"] else []),
            ]
    return [*lines, "", f"the same as a page, for 90 days: {found['link']}"]
