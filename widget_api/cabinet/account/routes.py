"""The routes of signing in and of an account of one's own."""

from starlette.routing import BaseRoute

from widget_api.cabinet.account import profile, providers, second_factor, sign_in

routes: list[BaseRoute] = [
    *sign_in.routes,  # /cabinet/sign-in, sign-out, language
    *providers.routes,  # /cabinet/sign-in/{agency_id}, organisation/provider
    *second_factor.routes,  # /cabinet/account/factor
    *profile.routes,  # /cabinet/account, forgot, reset: password and sessions
]
