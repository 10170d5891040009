"""Serve /cabinet/sites/{site_id}/announce: a poster with a QR code and texts that tell residents of the form."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import i18n, web
from widget_api.cabinet.http import render_page, require_user
from widget_api.cabinet.sites.settings import PATH, find_site
from widget_api.people.model import User
from widget_api.sites.model import Site
from widget_api.sites.origins import readable_host

TEXTS = ("news", "post", "press")
_SHOWN_TOPICS = 5


async def show_texts(request: Request, user: User) -> Response:
    """GET /cabinet/sites/{site_id}/announce?texts=…: the texts in the site's language, or the one that is asked for."""
    site = await find_site(request, user)
    spoken = i18n.requested_language(request.query_params.get("texts"), site.language)
    values = _values(site, spoken, web.context(request).settings.public_url)
    return render_page(
        request,
        user,
        "site_announce.html",
        site=site,
        spoken=spoken,
        texts=[(name, _write(site, spoken, name, values)) for name in TEXTS],
        section="sites",
        here=f"{PATH}/{site.id}/announce",
    )


def _values(site: Site, language: str, public_url: str) -> dict[str, str]:
    topics = [i18n.category_name(language, one.code, one.name) for one in site.categories if one.code != "other"]
    return {
        "site": site.name,
        "agency": site.agency.name,
        "url": f"{public_url}{site.printed_path}/report",
        "city_url": f"{public_url}{site.printed_path}",
        "topics": ", ".join(
            topic[:1].lower() + topic[1:] if index else topic for index, topic in enumerate(topics[:_SHOWN_TOPICS])
        ),
    }


def _write(site: Site, language: str, name: str, values: dict[str, str]) -> str:
    """One text, in paragraphs: what the site's settings make true, and at the end what a message is not."""
    paragraphs = [i18n.text(language, f"desk.announce.{name}", **values)]
    if name != "post":
        contact = i18n.text(language, f"desk.announce.contact.{site.contact}")
        listed = [i18n.text(language, "desk.announce.listed", **values)] if site.type == "extended" else []
        paragraphs.append(" ".join([contact, *listed]))
    return "\n\n".join([*paragraphs, _appeal_sentence(site, language)])


def _appeal_sentence(site: Site, language: str) -> str:
    """That a message is no formal appeal, and where one is filed."""
    link = site.appeals_url if site.appeals == "handoff" else None
    where = (
        i18n.text(language, "sites.track.handoff", url=link) if link else i18n.text(language, "desk.announce.portal")
    )
    return f"{i18n.text(language, 'footer.message_not_appeal')} {where}"


async def show_poster(request: Request, user: User) -> Response:
    """GET /cabinet/sites/{site_id}/announce/poster: one A4 page, in the site's language or that of the address."""
    import segno

    site, public_url = await find_site(request, user), web.context(request).settings.public_url
    language = web.negotiate_language(request) if request.query_params.get("lang") else site.language
    values = _values(site, language, public_url)
    host = min((urlsplit(origin).hostname or "" for origin in site.known_origins or site.origins), key=len, default="")
    return web.html_response(
        request,
        "cabinet/site_poster.html",
        language=language,
        private=True,
        site=site,
        host=readable_host(host),
        code=segno.make(values["url"], error="m", micro=False).svg_inline(border=2, omitsize=True),
        appeal=_appeal_sentence(site, language),
        back=f"{PATH}/{site.id}/announce",
    )


routes: list[BaseRoute] = [
    Route(PATH + "/{site_id}/announce", require_user(show_texts), methods=["GET"]),
    Route(PATH + "/{site_id}/announce/poster", require_user(show_poster), methods=["GET"]),
]
