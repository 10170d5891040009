"""The routes of the operator: agencies, applications, new sites."""

from starlette.routing import BaseRoute

from widget_api.cabinet.operator import agencies, applications, sites

routes: list[BaseRoute] = [
    *agencies.routes,  # /cabinet/operator/agencies: every agency, its settings and first administrator
    *applications.routes,  # /cabinet/operator/applications: applications for a site
    *sites.routes,  # /cabinet/operator/site: a new site
]
