"""GeoReport v2 writing and parsing: statuses, escaping, and quirks of existing servers."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from xml.etree import ElementTree

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from widget_api.open311 import georeport, parse
from widget_api.open311.georeport import Format, render_document, strip_illegal
from widget_api.open311.statuses import UPDATE_STATUS, georeport_status, map_foreign_status, parse_exact
from widget_api.outbound import Answer
from widget_api.platform import client
from widget_api.problems.model import CLOSED, OPEN, STATUSES

FORMATS: tuple[Format, ...] = ("xml", "json")
# product.md, «The life of a problem»
TABLE = """
moderation open FOR_TRIAGE
accepted open OPEN
forwarded open INTERNAL_REFERRAL
in_progress open IN_PROGRESS
planned open ACTION_SCHEDULED
resolved closed FIXED
answered closed CLOSED
redirected closed NOT_COUNCILS_RESPONSIBILITY
duplicate closed DUPLICATE
rejected closed NO_FURTHER_ACTION
confirmed closed FIXED
reopened open REOPEN
withdrawn closed CANCELLED
"""


# --- statuses ---


def test_every_status_has_its_names_and_every_update_status_one_meaning() -> None:
    written = {status: (georeport_status(status), UPDATE_STATUS[status]) for status in STATUSES}
    expected = {line.split()[0]: tuple(line.split()[1:]) for line in TABLE.split("\n") if line}
    assert written == expected
    # Otherwise a second status would replace it; FIXED stays the agency's «resolved», not the author's «confirmed».
    assert [word for word, many in Counter(UPDATE_STATUS.values()).items() if many > 1] == ["FIXED"]
    assert map_foreign_status("FIXED", "accepted") == "resolved"
    assert [parse_exact(status) for status in STATUSES] == list(STATUSES)
    assert parse_exact("OPEN") is None
    assert parse_exact(None) is None


@pytest.mark.parametrize("ours", STATUSES)
@pytest.mark.parametrize("status", STATUSES)
def test_every_status_name_is_parsed_back(status: Any, ours: str) -> None:
    """To its own status, or to nothing where the name agrees with the current one."""
    back = map_foreign_status(UPDATE_STATUS[status], ours)
    meant = "resolved" if status == "confirmed" else status
    if status == "accepted":
        assert back == ("accepted" if ours == "moderation" else "reopened" if ours in CLOSED else None)
    elif status == "answered":
        assert back == ("answered" if ours in OPEN else None)
    else:
        assert back == (None if ours == meant else meant)


@pytest.mark.parametrize("ours", STATUSES)
def test_statuses_of_other_systems_count_only_if_they_contradict(ours: str) -> None:
    assert map_foreign_status("open", ours) == ("reopened" if ours in CLOSED else None)
    assert map_foreign_status("closed", ours) == ("resolved" if ours in OPEN else None)
    assert map_foreign_status("investigating", ours) == (None if ours == "in_progress" else "in_progress")
    assert map_foreign_status("fixed - council", ours) == (None if ours == "resolved" else "resolved")
    assert map_foreign_status("on the moon", ours) is None
    assert map_foreign_status(None, ours) is None


# --- texts survive ---


def request(**fields: Any) -> georeport.Document:
    return georeport.requests_document([{"service_request_id": "7", **fields}])


@given(st.text())
def test_any_text_is_escaped_or_cleaned(text: str) -> None:
    for form in FORMATS:
        body = render_document(request(description=text), form)
        if form == "xml":
            ElementTree.fromstring(body)
        (found,) = parse.parse_requests(body)
        assert found.description == (strip_illegal(text) or None)
        assert found.id == "7"


@given(st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), min_size=1))
def test_valid_characters_are_not_removed(text: str) -> None:
    assert strip_illegal(text).replace("\ufffe", "").replace("\uffff", "") == text.replace("\ufffe", "").replace(
        "\uffff", ""
    )


def test_special_characters_are_escaped_and_those_xml_cannot_hold_dropped() -> None:
    for text in ("a\rb", "a\r\nb", "\tкавычка «\"'»", "]]>", "<b>&amp;</b>", "😀"):
        for form in FORMATS:
            assert parse.parse_requests(render_document(request(description=text), form))[0].description == text, text
    for form in FORMATS:
        body = render_document(request(description="a\x00b\x0bc\x1fd\ufffee\ud800f"), form)
        assert parse.parse_requests(body)[0].description == "abcdef"


TEXTS = st.none() | st.text() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(0, 2**31)
ITEMS = st.fixed_dictionaries(
    {"service_request_id": st.integers(1, 9).map(str), "description": TEXTS},
    optional={
        "notes": st.lists(st.fixed_dictionaries({"datetime": TEXTS, "description": TEXTS}), max_size=2),
        "extended_attributes": st.dictionaries(st.sampled_from(("event_id", "status_code")), TEXTS),
    },
)


@given(st.lists(st.lists(ITEMS, max_size=3), max_size=4))
async def test_a_streamed_list_is_the_same_document(chunks: list[list[dict[str, Any]]]) -> None:
    """And an independent parser reads it completely."""

    async def read() -> AsyncIterator[list[dict[str, Any]]]:
        for chunk in chunks:
            yield chunk

    for form in FORMATS:
        found = [piece async for piece in georeport.render_pieces("service_requests", "request", read(), form)]
        items = list(itertools.chain.from_iterable(chunks))
        assert len(found) == max(1, sum(bool(chunk) for chunk in chunks))
        if form == "xml":
            assert b"".join(found) == render_document(georeport.requests_document(items), form)
            root = ElementTree.fromstring(b"".join(found))
            assert (root.tag, len(root)) == ("service_requests", len(items))
            for element, item in zip(root, items, strict=True):
                if isinstance(item["description"], str):
                    assert (element.findtext("description") or "") == strip_illegal(item["description"])
        else:
            assert orjson.loads(b"".join(found)) == orjson.loads(
                render_document(georeport.requests_document(items), form)
            )


@given(lat=st.floats(-90, 90), long=st.floats(-180, 180))
def test_coordinates_survive(lat: float, long: float) -> None:
    for form in FORMATS:
        (found,) = parse.parse_requests(render_document(request(lat=lat, long=long), form))
        assert found.lat == pytest.approx(lat, abs=1e-9)
        assert found.long == pytest.approx(long, abs=1e-9)


# --- shapes ---


def test_xml_has_a_declaration_no_namespaces_and_valid_names() -> None:
    body = render_document(
        georeport.services_document([{"service_code": "roads", "metadata": False, "keywords": None}]), "xml"
    )
    assert body.startswith(b'<?xml version="1.0" encoding="utf-8"?>\n<services><service>')
    assert b"<metadata>false</metadata><keywords/>" in body
    assert b"xmlns" not in body
    values = [{"key": "1", "name": "one"}, {"key": "2", "name": "two"}]
    body = render_document(georeport.definition_document("roads", [{"code": "size", "values": values}]), "xml")
    root = ElementTree.fromstring(body)
    assert root.tag == "service_definition"
    assert [value.findtext("key") for value in root.findall("attributes/attribute/values/value")] == ["1", "2"]
    with pytest.raises(ValueError, match="element"):
        render_document(request(extended_attributes={"a><script": "x"}), "xml")


def test_json_lists_are_not_wrapped() -> None:
    def parsed(document: georeport.Document) -> Any:
        return orjson.loads(render_document(document, "json"))

    assert parsed(georeport.services_document([{"service_code": "a"}])) == [{"service_code": "a"}]
    assert parsed(georeport.definition_document("a", [])) == {"service_code": "a", "attributes": []}
    assert parsed(georeport.errors_document([(403, "no")])) == [{"code": 403, "description": "no"}]
    assert parsed(georeport.updates_document([])) == []
    found = parsed(
        georeport.discovery_document(
            changeset="c", contact="o", key_service="k", url="u", test=True, jurisdictions=["gorod.test"]
        )
    )
    assert found["endpoints"][0]["specification"] == "http://wiki.open311.org/GeoReport_v2"
    assert found["endpoints"][0]["type"] == "test"
    assert found["endpoints"][0]["jurisdictions"] == ["gorod.test"]
    assert list(found) == ["changeset", "contact", "key_service", "endpoints", "software"]


# --- servers in the wild ---


def test_wrapped_json_wrong_charsets_and_namespaces_are_tolerated() -> None:
    for body in (
        b'[{"service_request_id": 5}]',
        b'{"service_requests": [{"service_request_id": "5"}]}',
        b'{"service_requests": {"request": [{"service_request_id": "5"}]}}',
        b'{"service_request_id": "5"}',
        b'\xef\xbb\xbf  [{"service_request_id": "5"}]',
    ):
        assert [found.id for found in parse.parse_requests(body, "text/html")] == ["5"]
    text = "<?xml version='1.0' encoding='utf-8'?><service_requests><request><service_request_id>1</service_request_id>"
    text += "<description>Яма</description></request></service_requests>"
    for body in (text.encode(), text.encode("windows-1251"), text.replace("utf-8", "koi8-r").encode("koi8-r")):
        assert parse.parse_requests(body)[0].description == "Яма"
    assert parse.parse_requests('[{"token": "t", "description": "Яма"}]'.encode("windows-1251"))[0].description == "Яма"
    labelled = '[{"token": "t", "description": "Яма"}]'.encode("koi8-r")
    assert parse.parse_requests(labelled, "application/json; charset=koi8-r")[0].description == "Яма"
    body = b"""<service_requests xmlns="http://example.org/"><request><token>t</token>
      <media_url>a</media_url><media_url>b</media_url></request></service_requests>"""
    assert [(found.id, found.token) for found in parse.parse_requests(body)] == [(None, "t")]


def test_updates_are_parsed_with_our_extensions_and_ignored_without_a_request() -> None:
    body = b"""<service_request_updates>
      <request_update><update_id>1</update_id><service_request_id>9</service_request_id><status>OPEN</status>
        <updated_datetime>2026-01-02T03:04:05+03:00</updated_datetime><description/></request_update>
      <request_update><update_id>2</update_id></request_update></service_request_updates>"""
    (found,) = parse.parse_updates(body)
    assert (found.id, found.request_id, found.status, found.description) == ("1", "9", "OPEN", None)
    assert found.at == parse.parse_moment("2026-01-02T00:04:05Z")
    extended = {"status_code": "planned", "expected_on": "2026-12-01", "responsible": "МУП «Свет»"}
    fields: dict[str, Any] = {"update_id": "1", "service_request_id": "9", "extended_attributes": extended}
    for form in FORMATS:
        assert parse.parse_updates(render_document(georeport.updates_document([fields]), form))[0].extended == extended


def test_invalid_documents_and_entities_are_refused() -> None:
    for body in (b"", b"<html", b"garbage", b"{", b"<?xml version='1.0'?>", b"\xff\xfe\x00"):
        with pytest.raises(parse.Unreadable):
            parse.parse_requests(body)
    plain = b"<service_requests><request><service_request_id>c</service_request_id></request></service_requests>"
    assert len(parse.parse_requests(plain)) == 1
    bomb = b'<!DOCTYPE a [<!ENTITY b "c">]>' + plain.replace(b">c<", b">&b;<")
    with pytest.raises(parse.Unreadable):
        parse.parse_requests(bomb)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parser(body: bytes) -> None:
    for read in (parse.parse_requests, parse.parse_updates):
        try:
            read(body)
        except parse.Unreadable:
            continue
    parse.parse_error(body)


def test_times_with_any_offset_and_without() -> None:
    assert parse.parse_moment("2026-01-02T03:04:05Z") == 1767323045
    assert parse.parse_moment("2026-01-02T06:04:05 03:00") == 1767323045  # the plus sign became a space in a query
    assert parse.parse_moment("2026-01-02T03:04:05") == 1767323045
    assert parse.parse_moment("yesterday") is None


def test_errors_are_parsed_in_any_shape() -> None:
    for form in FORMATS:
        assert (
            parse.parse_error(render_document(georeport.errors_document([(400, "один"), (400, "два")]), form))
            == "один; два"
        )
    page = b"<!doctype html><style>p{}</style><title>\n502 Bad&nbsp;Gateway </title><h1>nginx</h1>"
    assert parse.parse_error(page) == "502 Bad Gateway"
    assert parse.parse_error(b"<html>502 Bad Gateway") == "502 Bad Gateway"
    assert parse.parse_error(b"no < such") == "no < such"
    for body in (page, b'[{"code":502,"description":"502: Bad Gateway"}]', b"502"):
        described = client.describe_error(Answer(status=502, headers={}, body=body))
        assert described in ("502: Bad Gateway", "502: no reason given"), "the status once"
