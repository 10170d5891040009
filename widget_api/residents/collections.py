"""Serve the pages of a site's collections by the handlers of the city's pages."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from widget_api.residents import (
    calendar_file,
    collections_count,
    comments,
    feeds,
    followers,
    participation,
    report,
    site_pages,
)
from widget_api.sites import routes as sites
from widget_api.sites.http import in_collection

_PATH = "/s/{key}/c/{slug}"
_PAGES = (
    ("", "GET", site_pages.site_page),
    ("/report", "GET", report.show_report_form),
    ("/report", "POST", report.send_report),
    ("/feed.atom", "GET", feeds.get_feed),
    ("/sitemap-{part:int}.xml", "GET", feeds.get_sitemap_part),
    ("/consent", "GET", sites.consent_page),
    ("/consent/{version}", "GET", sites.consent_page),
    ("/calendar.ics", "GET", calendar_file.get_calendar),
    ("/{number}.ics", "GET", calendar_file.get_entry),
    ("/count/{token}", "GET", collections_count.show_count),
    ("/{number}", "GET", site_pages.problem_page),  # after those that have a name here
    ("/{number}/follow", "GET", followers.show_follow_form),
    ("/{number}/follow", "POST", followers.send_follow_form),
    ("/{number}/comment", "GET", comments.show_comment_form),
    ("/{number}/comment", "POST", comments.send_comment),
    *participation.PAGES,
)
routes: list[BaseRoute] = [
    Route(_PATH + path, in_collection(handler), methods=[method]) for path, method, handler in _PAGES
]
