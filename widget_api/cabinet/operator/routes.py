"""The routes of the operator: what waits today, agencies, applications, new sites, the state of the service."""

from starlette.routing import BaseRoute

from widget_api.cabinet.operator import agencies, applications, sites, state

routes: list[BaseRoute] = [
    *agencies.routes,  # /cabinet/operator/agencies: every agency, its settings and first administrator
    *applications.routes,  # /cabinet/operator/applications: applications for a site
    *sites.routes,  # /cabinet/operator/site: a new site
    *state.routes,  # /cabinet/: today; /cabinet/operator/state: what the doctor finds
]
