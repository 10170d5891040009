"""The routes of an agency: people, services, routing, templates, tokens, deliveries, journal."""

from starlette.routing import BaseRoute

from widget_api.cabinet.organisation import deliveries, details, journal, people, routing, services, templates, tokens

routes: list[BaseRoute] = [
    *tokens.routes,  # /cabinet/organisation/tokens: API keys
    *people.routes,  # /cabinet/organisation/people, /cabinet/invitation/{token}: people of an agency
    *templates.routes,  # /cabinet/organisation/templates: templates of answers
    *details.routes,  # /cabinet/organisation/details: what consent documents and mail say of an agency
    *services.routes,  # /cabinet/organisation/services: the agencies below an agency
    *journal.routes,  # /cabinet/organisation/journal: who did what
    *deliveries.routes,  # /cabinet/deliveries: pending and dead deliveries
    *routing.routes,  # /cabinet/organisation/routing: the rules that assign reports to services
]
