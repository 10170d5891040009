"""The routes of the statistics and of the report of a period."""

from starlette.routing import BaseRoute

from widget_api.cabinet.analytics import period_report, statistics

routes: list[BaseRoute] = [
    *period_report.routes,  # /cabinet/analytics/report: the report of a period
    *statistics.routes,  # /cabinet/analytics: statistics of the territory
]
