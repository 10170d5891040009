"""List what the administrator of a new agency has to do before the first report comes, ticked from facts.

Nothing of it is stored: a step is done where the pages about sites and people show that it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

from widget_api import i18n
from widget_api.cabinet.sites import consents as site_consents
from widget_api.cabinet.sites.settings import PATH
from widget_api.context import Context
from widget_api.people import organisation_store
from widget_api.people.model import User
from widget_api.sites import service as sites
from widget_api.sites import store
from widget_api.sites.install import service
from widget_api.sites.model import Site

MAX_SITES = 3  # whose steps are listed


@dataclass(frozen=True, kw_only=True)
class Step:
    """One thing to do. `text` says how far it is; `shared` is its address for somebody without an account."""

    name: str
    href: str
    done: bool
    text: str
    shared: str = ""


@dataclass(frozen=True, kw_only=True)
class SiteSteps:
    site: Site
    steps: tuple[Step, ...]


async def read_steps(context: Context, user: User, language: str) -> Sequence[SiteSteps]:
    """The steps of each site of the user's agency. Nothing once one has a report, and for who is no administrator."""
    if user.agency_id is None or not user.may("organisation.manage"):
        return ()
    database = context.database
    found = await store.list_sites_without_reports(database, user.agency_id)
    if not found:
        return ()
    people = await organisation_store.list_people(database, user.agency_id)
    others = sum(row["disabled_at"] is None for row in people) - 1
    invited = await organisation_store.list_invitations(database, user.agency_id)
    return [
        await _read_site(context, language, await sites.by_id(database, site_id), bool(others or invited))
        for site_id in found[:MAX_SITES]
    ]


async def _read_site(context: Context, language: str, site: Site, has_people: bool) -> SiteSteps:
    found = await service.read_overview(context.database, context.settings, site)
    wrong = sum(one.severity == "wrong" and one.code != "never_seen" for one in found.findings)
    opened = next(iter(found.places), None)
    lacking = [name for name in site_consents.REQUIRED if not getattr(site.agency, name)]
    named = (i18n.text(language, f"site_forms.consent.detail.{name}") for name in lacking)
    values: dict[str, object] = {"count": wrong, "missing": ", ".join(named)}
    if opened:
        values |= {"origin": opened.origin, "moment": i18n.format_moment(language, opened.last_at, site.time_zone)}

    def step(name: str, href: str, done: object, state: str = "", shared: str = "") -> Step:
        key = f"cabinet.first_steps.{name}.{state or ('done' if done else 'todo')}"
        return Step(name=name, href=href, done=bool(done), text=i18n.text(language, key, **values), shared=shared)

    desk = f"{PATH}/{site.id}"
    return SiteSteps(
        site=site,
        steps=(
            step("documents", f"{desk}/consent", not lacking),
            step("territory", f"{desk}/territory", site.territory),
            step("code", f"{desk}/code", opened),
            step(
                "check",
                desk,
                opened and not wrong,
                "wrong" if wrong else "",
                service.make_check_url(context.settings, site),
            ),
            step("people", "/cabinet/organisation/people", has_people),
        ),
    )


def add_version(version: str, steps: Sequence[SiteSteps]) -> str:
    """The version of a page that shows these steps: a text that changes whenever they look different."""
    shown = "".join(step.text for one in steps for step in one.steps)
    return f"{version}-{crc32(shown.encode())}" if shown else version
