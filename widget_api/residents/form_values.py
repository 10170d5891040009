"""What the forms under a problem's page are filled with: their signed identifier, the consent, what was typed, what is

wrong with it.
"""

from __future__ import annotations

from typing import Any

from widget_api import i18n
from widget_api.context import Context
from widget_api.errors import FieldError, Invalid
from widget_api.residents import report_form
from widget_api.residents.forms import Form
from widget_api.sites import consent
from widget_api.sites.model import Site

Values = dict[str, Any]


async def values(
    context: Context, site: Site, language: str, form: Form | None = None, wrong: Invalid | None = None, token: str = ""
) -> Values:
    """What the macros of city/people.html need; `token` keeps the identifier of a form that is still the same try."""
    form = form or Form({})
    document = await consent.current(context.database, site, context.settings, language)
    of_name = await consent.current(context.database, site, context.settings, language, "publish_name")
    outdated = wrong is not None and any(error.code == "consent_version" for error in wrong.fields)
    return {
        "form": form,
        "token": token or report_form.issue(context.signer, site),
        "trap": report_form.TRAP,
        "consent_version": document.version,
        "name_version": of_name.version,
        "publishing": form.one("publish_name") == "yes" and not outdated,
        "agreed": form.one("consent") == "yes" and not outdated,
        "errors": _sentences(language, wrong.fields if wrong else ()),
    }


def _sentences(language: str, wrong: tuple[FieldError, ...]) -> dict[str, str]:
    named = ((report_form.PLACES.get(error.field, error.field), error) for error in wrong)
    sentences: dict[str, str] = {}
    for place, error in named:
        own = f"people.fields.{error.code}_{place}"
        text = i18n.text(language, own, **dict(error.values)) if i18n.has(own) else None
        sentences.setdefault(place, text or i18n.field_error(language, place, error.code, error.values))
    return sentences
