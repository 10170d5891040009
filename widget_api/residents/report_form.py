"""Reads the report form: its signed identifier, its traps for programs, and its fields in the API's own shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from widget_api import clock
from widget_api.errors import FieldError
from widget_api.residents.forms import Form
from widget_api.signing import Purpose, Signer
from widget_api.sites.model import Site

SHORTEST = 2  # seconds between asking for the form and sending it; a person needs more, a program less
TRAP = "website"  # a field nobody sees; only programs fill it in
ANSWERS = "answers."
# What the API calls a field, and where the page shows it.
PLACES = {
    "location": "address",
    "location.address": "address",
    "consent.processing": "consent",
    "consent.version": "consent",
    "consent.publish_name": "consent",
}

_ORDER = (
    *("category", "answers", "description", "photos", "address", "coordinates"),
    *("email", "name", "phone", "consent"),
)


@dataclass(frozen=True)
class FormId:
    """Signed into the form; its id is the idempotency key, so a page sent twice is one report."""

    id: str
    issued_at: int

    @property
    def idempotency_key(self) -> str:
        return f"form:{self.id}"


def issue(signer: Signer, site: Site) -> str:
    return signer.sign(Purpose.FORM, {"f": clock.new_id(), "s": site.id, "t": clock.now()})


def read_id(signer: Signer, site: Site, token: str) -> FormId | None:
    """None where it is forged, of another site, or too old."""
    payload = signer.read(Purpose.FORM, token)
    if not isinstance(payload, dict) or payload.get("s") != site.id:
        return None
    return FormId(str(payload["f"]), int(payload["t"]))


def suspicion(form: Form, form_id: FormId, now: int) -> str | None:
    """Why this looks like a program: `trap` or `fast`. A person presses the button again and is through."""
    if form.one(TRAP):
        return "trap"
    return "fast" if now - form_id.issued_at < SHORTEST else None


def to_data(form: Form, language: str) -> dict[str, Any]:
    """The fields as the JSON body of POST /api/v1/sites/{key}/problems, so that one parser checks both doors."""
    lat, lng = _coordinates(form.one("coordinates"))
    return {
        "category": form.one("category"),
        "description": form.one("description"),
        "location": {"address": form.one("address"), "lat": lat, "lng": lng},
        "email": form.one("email"),
        "name": form.one("name"),
        "phone": form.one("phone"),
        "answers": {code: _answer(form.all(ANSWERS + code)) for code in form.within(ANSWERS)},
        "consent": {
            "version": form.one("consent_version"),
            "processing": form.one("consent") == "yes",
            "publish_name": form.one("publish_name") == "yes",
            "name_version": form.one("name_version") or None,
        },
        "lang": language,
        "page_url": form.one("page_url"),
    }


def _coordinates(text: str) -> tuple[str, str]:
    """«55.0794, 38.7783», as maps write it; what is none of it is left for the parser to refuse."""
    parts = text.replace(";", ",").replace(",", " ").split()
    return (parts[0], parts[1]) if len(parts) == 2 else (text.strip(), "")


def _answer(values: list[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else values


def shown_at(errors: tuple[FieldError, ...]) -> list[tuple[str, FieldError]]:
    """Errors with the names of the page's fields, in the order of the page, one a field."""
    named: dict[str, FieldError] = {}
    for error in errors:
        place = "coordinates" if error.code in ("coordinates", "outside") else PLACES.get(error.field, error.field)
        named.setdefault("photos" if place.startswith("photos.") else place, error)
    return sorted(
        named.items(), key=lambda item: _ORDER.index(root) if (root := item[0].partition(".")[0]) in _ORDER else 99
    )
