"""Read HTML forms: fields, also as the body of an API request, a signed identifier, and traps for programs."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import orjson

from widget_api import clock, i18n
from widget_api.errors import FieldError, Malformed
from widget_api.problems import intake
from widget_api.signing import Purpose, Signer
from widget_api.sites import view
from widget_api.sites.model import Site
from widget_api.sites.service import Receiver

MAX_FORM_SIZE = 65_536  # bytes; 4,000 Russian letters take 24,000, percent-encoded
MAX_FIELDS = 200


class Form:
    """Fields by name; a name may have several values (check boxes).

    Browsers send each line end as two characters and count it as one (HTML, «constructing the entry list»).
    """

    def __init__(self, values: dict[str, list[str]]) -> None:
        self._values = {name: [value.replace("\r\n", "\n") for value in given] for name, given in values.items()}

    def one(self, name: str) -> str:
        """The last value of a name, empty where there is none."""
        return self._values.get(name, [""])[-1]

    def all(self, name: str) -> list[str]:
        return [value for value in self._values.get(name, []) if value]

    def has(self, name: str) -> bool:
        return name in self._values

    def fill(self, **values: str) -> None:
        """Replace the values of some fields."""
        self._values |= {name: [value] for name, value in values.items()}

    def within(self, prefix: str) -> list[str]:
        """The remainders of the names that begin with a prefix."""
        return [name.removeprefix(prefix) for name in self._values if name.startswith(prefix)]


def from_fields(fields: Iterable[tuple[str, str]]) -> Form:
    """A form from the fields of a multipart body."""
    values: dict[str, list[str]] = {}
    for name, value in fields:
        values.setdefault(name, []).append(value)
    return Form(values)


def parse_form(body: bytes) -> Form:
    """Parse a URL-encoded body. Raises Malformed where it is invalid or has more than MAX_FIELDS fields."""
    try:
        return Form(parse_qs(body.decode(), keep_blank_values=True, max_num_fields=MAX_FIELDS))
    except ValueError:
        raise Malformed from None


MIN_FILLING_TIME = 2  # seconds between loading and sending the form, which a person exceeds
TRAP_FIELD = "website"  # an invisible field, which only programs fill in
ANSWER_PREFIX = "answers."
_DECIMAL_COMMAS = re.compile(r"(-?\d{1,3},\d+)[;,\s]\s*(-?\d{1,3},\d+)")
# Fields of the API whose errors the page shows at another field.
PAGE_FIELDS = {
    "location": "address",
    "location.address": "address",
    "consent.processing": "consent",
    "consent.version": "consent",
    "consent.publish_name": "consent",
}

_FIELD_ORDER = (
    *("channel", "received_on", "title", "category", "answers", "description", "photos", "address", "coordinates"),
    *("email", "name", "phone", "consent"),
)


@dataclass(frozen=True)
class FormId:
    """The signed identifier of a form, which is the idempotency key: a form sent twice is one report."""

    id: str
    issued_at: int

    @property
    def idempotency_key(self) -> str:
        return f"form:{self.id}"


def page_values(
    site: Site, form: Form, language: str, public_url: str, now: int, receiver: Receiver | None = None
) -> dict[str, Any]:
    """What `report/form.html` shows of a site, whether the form is sent or only looked at."""
    due = {one.code: site.calendar.answer_due(now, one.working_days) for one in site.categories}
    return {
        "canonical": f"{public_url}/s/{site.key}/report",
        "site": site,
        "form": form,
        "category": site.category(form.one("category")),
        "due": due,
        "track_text": view.receiver_text(receiver.site, receiver.name, language, now)
        if receiver
        else view.track_text(site, language, sorted(due.values())),
        "limits": intake,
        "trap": TRAP_FIELD,
    }


def issue_form_id(signer: Signer, site: Site) -> str:
    return signer.sign(Purpose.FORM, {"f": clock.new_id(), "s": site.id, "t": clock.now()})


def read_form_id(signer: Signer, site: Site, token: str) -> FormId | None:
    """A form's identifier; None where it is forged, of another site, or too old."""
    payload = signer.read(Purpose.FORM, token)
    if not isinstance(payload, dict) or payload.get("s") != site.id:
        return None
    return FormId(str(payload["f"]), int(payload["t"]))


def find_suspicion(form: Form, form_id: FormId, now: int) -> str | None:
    """Why this looks like a program: `trap` or `fast`. Sending the form once more is accepted."""
    if form.one(TRAP_FIELD):
        return "trap"
    return "fast" if now - form_id.issued_at < MIN_FILLING_TIME else None


def to_api_body(form: Form, language: str) -> dict[str, Any]:
    """The fields as the JSON body of POST /api/v1/sites/{key}/problems, so that one parser validates both."""
    lat, lng = split_coordinates(form.one("coordinates"))
    return {
        "category": form.one("category"),
        "description": form.one("description"),
        **({"title": form.one("title")} if form.has("title") else {}),
        "location": {"address": form.one("address"), "lat": lat, "lng": lng},
        "email": form.one("email"),
        "name": form.one("name"),
        "phone": form.one("phone"),
        "answers": {code: _answer(form.all(ANSWER_PREFIX + code)) for code in form.within(ANSWER_PREFIX)},
        "consent": to_consent(form),
        "lang": language,
        "page_url": form.one("page_url"),
    }


def to_consent(form: Form) -> dict[str, Any]:
    """The consent of a form, as the API's bodies have it."""
    return {
        "version": form.one("consent_version"),
        "processing": form.one("consent") == "yes",
        "publish_name": form.one("publish_name") == "yes",
        "name_version": form.one("name_version") or None,
    }


def split_coordinates(text: str) -> tuple[str, str]:
    """Split «55.0794, 38.7783», as maps write it, or «55,0794; 38,7783», as people do, into numbers with a point.

    Anything else is returned as the first of two, for the parser's error.
    """
    if match := _DECIMAL_COMMAS.fullmatch(text.strip()):
        return match[1].replace(",", "."), match[2].replace(",", ".")
    parts = text.replace(";", ",").replace(",", " ").split()
    return (parts[0], parts[1]) if len(parts) == 2 else (text.strip(), "")


def _answer(values: list[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else values


def fingerprint(data: Mapping[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(data, option=orjson.OPT_SORT_KEYS)).hexdigest()


def error_texts(language: str, site: Site, wrong: tuple[FieldError, ...], refused: Sequence[str]) -> dict[str, str]:
    """Error messages by the names of the page's fields, in its order. `refused` are those of photos."""
    entry = site.collection.entry_label(language) if site.collection else ""
    extra = (FieldError("photos", "photo_broken"),) if refused else ()
    sentences = {
        place: i18n.field_error(
            language,
            place,
            error.code,
            (("question", entry),) if place == "title" and error.code == "required" else error.values,
            entry=bool(entry),
        )
        for place, error in errors_by_field(extra + wrong)
    }
    return sentences | ({"photos": " ".join(refused)} if refused else {})


def errors_by_field(errors: tuple[FieldError, ...]) -> list[tuple[str, FieldError]]:
    """The first error of each of the page's fields, in the page's order."""
    named: dict[str, FieldError] = {}
    for error in errors:
        place = "coordinates" if error.code in ("coordinates", "outside") else PAGE_FIELDS.get(error.field, error.field)
        named.setdefault("photos" if place.startswith("photos.") else place, error)
    return sorted(
        named.items(),
        key=lambda item: _FIELD_ORDER.index(root) if (root := item[0].partition(".")[0]) in _FIELD_ORDER else 99,
    )
