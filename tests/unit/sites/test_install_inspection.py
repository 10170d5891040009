"""The active check of pages: the snippet, its key and release, and everything the policy must allow."""

from __future__ import annotations

import pytest

from widget_api import i18n
from widget_api.i18n import LANGUAGES
from widget_api.outbound import Answer
from widget_api.sites.install import policy
from widget_api.sites.install.inspection import CheckLine, ExpectedService, check_page
from widget_api.web import releases

W = "https://widget.test"
PAGE = "https://gorod.test/news/"
NEWEST, SERVED = releases.newest_release("1"), releases.served_version("1")
FOLLOWED = "script_following_build" if releases.served_build("1") else "script_following"
KEY, OLD, GONE = "wk_current", "wk_old", "wk_gone"
SERVICE = ExpectedService(public_url=W, keys={KEY: "current", OLD: "old", GONE: "expired"})
ELEMENT = f'<igrajdanin-widget site-key="{KEY}"><a href="{W}/s/{KEY}/report">x</a></igrajdanin-widget>'
FOLLOWING = f'<script async src="{W}/w/1/loader.js"></script>'
OWN = f'<script src="/igrajdanin/{SERVED}/loader.js"></script>'
STRICT = f"default-src 'none'; script-src {W}; connect-src {W}; img-src {W} blob:; require-trusted-types-for 'script'"


def look(body: str, csp: str = "", *, status: int = 200, kind: str = "text/html", page: str = PAGE) -> list[CheckLine]:
    headers = {"content-type": kind} | ({"content-security-policy": csp} if csp else {})
    return check_page(SERVICE, page, Answer(status, headers, body.encode()))


def said(body: str, csp: str = "", **options: object) -> dict[str, str]:
    """code → state"""
    return {line.code: line.state for line in look(body, csp, **options)}  # type: ignore[arg-type]


def pinned(version: str = NEWEST, more: str = "") -> str:
    return f'<script async src="{W}/w/{version}/loader.js" {more}></script>'


def test_a_correct_page_passes_also_with_the_documented_policy() -> None:
    assert said(ELEMENT + FOLLOWING) == {"element": "ok", FOLLOWED: "ok", "key_current": "ok", "policy_none": "ok"}
    assert said(ELEMENT + FOLLOWING, STRICT) == {
        "element": "ok",
        FOLLOWED: "ok",
        "key_current": "ok",
        "policy_script_allowed": "ok",
        "policy_chunks_allowed": "ok",
        "policy_connect_allowed": "ok",
        "policy_pictures_allowed": "ok",
        "policy_previews_allowed": "ok",
        "policy_trusted_types": "ok",
    }


def test_header_and_meta_must_both_allow_and_a_missing_connect_src_is_reported() -> None:
    found = said(ELEMENT + FOLLOWING, f"default-src 'self'; script-src {W}; img-src *")
    assert found["policy_script_allowed"] == "ok"
    assert found["policy_connect_blocked"] == "wrong"
    assert found["policy_pictures_allowed"] == "ok"
    assert found["policy_previews_blocked"] == "note"
    [line] = [line for line in look(ELEMENT, "default-src 'self'") if line.code == "policy_connect_blocked"]
    assert line.values == {"by": "default-src", "line": f"connect-src 'self' {W}"}
    meta = "<meta http-equiv=Content-Security-Policy content=\"connect-src 'self'\">"
    assert said(meta + ELEMENT + FOLLOWING, STRICT)["policy_connect_blocked"] == "wrong"


@pytest.mark.parametrize(
    "given", ["default-src 'self' https://cdn.test", "default-src 'none'", "script-src-elem 'self'"]
)
def test_what_is_proposed_permits_the_widget_and_what_the_page_had(given: str) -> None:
    """A new directive replaces default-src: «script-src W» alone would block the site's own scripts."""
    lines = look(ELEMENT + FOLLOWING, given)
    proposed = {line.values["line"] for line in lines if line.state != "ok"}
    changed = "; ".join(proposed | {given} if "default" in given else proposed)
    assert all(line.state == "ok" for line in look(ELEMENT + FOLLOWING, changed)), changed
    for url in ("https://gorod.test/own.js", "https://cdn.test/jquery.js"):
        verdicts = [
            policy.judge_request(policy.parse_policies(text), "script-src-elem", url, PAGE).outcome
            for text in (given, changed)
        ]
        assert verdicts[0] == verdicts[1], (url, changed)


def test_a_nonce_or_the_right_hash_allows_the_script_and_a_missing_one_is_reported() -> None:
    policy = "script-src 'nonce-abc' 'strict-dynamic'"
    assert said(ELEMENT + FOLLOWING, policy)["policy_script_dynamic"] == "wrong"
    assert said(ELEMENT + FOLLOWING, "script-src 'nonce-abc'")["policy_script_conditional"] == "wrong"
    with_nonce = FOLLOWING.replace("async", 'async nonce="abc"')
    assert said(ELEMENT + with_nonce, policy)["policy_script_allowed"] == "ok"
    assert said(ELEMENT + with_nonce, policy)["policy_chunks_allowed"] == "ok"

    integrity = releases.integrity_hash(NEWEST, "loader.js")
    script = pinned(more=f'integrity="{integrity}" crossorigin')
    found = said(ELEMENT + script, f"script-src '{integrity}' 'strict-dynamic'")
    assert (found["policy_script_allowed"], found["policy_chunks_dynamic"]) == ("ok", "wrong")
    assert said(ELEMENT + script, f"script-src '{integrity}'")["policy_chunks_conditional"] == "wrong"

    given = f'integrity="{releases.integrity_hash(NEWEST, "loader.js")}"'
    assert said(ELEMENT + pinned(more=f"{given} crossorigin"))["integrity"] == "ok"
    assert "crossorigin_absent" not in said(ELEMENT + pinned(more=f"{given} crossorigin"))
    assert said(ELEMENT + pinned(more=given))["crossorigin_absent"] == "wrong"


@pytest.mark.parametrize("also", ["", f" {W}", " 'nonce-abc'", f" 'nonce-abc' {W}"])
def test_with_strict_dynamic_no_origin_is_suggested(also: str) -> None:
    """Hosts are ignored there (CSP 3, 8.2): the advice would have no effect."""
    found = said(ELEMENT + FOLLOWING, f"script-src 'strict-dynamic'{also}")
    assert {found[f"policy_{what}_dynamic"] for what in ("script", "chunks")} == {"wrong"}
    for language in LANGUAGES:
        for what in ("script", "chunks"):
            assert "{line}" not in i18n.text(language, f"install.todo.policy_{what}_dynamic")


def test_every_fault_is_named() -> None:
    for body, code, state in (
        ("<p>Новости</p>", "nothing", "wrong"),
        (FOLLOWING, "element_missing", "wrong"),
        (ELEMENT, "script_missing", "wrong"),
        (f'<a href="{W}/s/{KEY}/report">x</a>', "link_only", "note"),
        (f'<iframe src="{W}/s/{KEY}/embed"></iframe>', "frame", "ok"),
        (ELEMENT.replace(KEY, OLD) + FOLLOWING, "key_old", "note"),
        (ELEMENT.replace(KEY, GONE) + FOLLOWING, "key_expired", "wrong"),
        (ELEMENT.replace(KEY, "wk_other") + FOLLOWING, "key_foreign", "wrong"),
        (f"<igrajdanin-widget></igrajdanin-widget>{FOLLOWING}", "key_foreign", "wrong"),
        (ELEMENT + pinned(), "release_newest", "ok"),
        (ELEMENT + pinned(), "integrity_absent", "note"),
        (ELEMENT + pinned("0.1.0"), "release_unknown", "wrong"),
        (ELEMENT + pinned(more='integrity="sha384-AAAA" crossorigin'), "integrity_wrong", "wrong"),
        (ELEMENT + pinned("1", 'integrity="sha384-AAAA" crossorigin'), "integrity_following", "wrong"),
        (ELEMENT + '<script src="/igrajdanin/1.0.0/loader.js"></script>', "script_own", "ok"),
        (ELEMENT + '<script src="/igrajdanin/1.0.0/loader.js"></script>', "api_missing", "wrong"),
        (ELEMENT.replace(" ", f' api="{W}" ', 1) + OWN, "api_missing", "wrong"),
    ):
        assert said(body)[code] == state


def test_a_frame_needs_frame_src_alone_and_own_files_self() -> None:
    frame = f'<iframe src="{W}/s/{KEY}/embed"></iframe>'
    assert said(frame, f"default-src 'none'; frame-src {W}")["policy_frames_allowed"] == "ok"
    assert said(frame, "default-src 'self'")["policy_frames_blocked"] == "wrong"
    assert "policy_connect_blocked" not in said(frame, "default-src 'self'")
    policy = f"default-src 'none'; script-src 'self'; connect-src {W}; img-src {W} blob:"
    first = ELEMENT.replace(" ", f' api="{W}" ', 1) + OWN.replace(SERVED, "1.0.0")
    for own in (ELEMENT + OWN.replace(">", f' data-api="{W}">', 1), first):
        found = said(own, policy)
        assert set(found.values()) <= {"ok", "note"}
        assert found["policy_chunks_allowed"] == "ok"


def test_answers_other_than_pages_are_reported() -> None:
    assert said("", status=404) == {"status": "wrong"}
    assert said("", kind="application/pdf") == {"not_html": "wrong"}
    assert said(ELEMENT + FOLLOWING, "sandbox allow-scripts")["policy_sandbox"] == "wrong"


@pytest.mark.parametrize(
    "source", ["javascript:/1/loader.js", "data:,/1/loader.js", "https://a b/1/loader.js", "//x:99999999/1/loader.js"]
)
def test_other_urls_are_not_the_loader(source: str) -> None:
    assert said(f'{ELEMENT}<script src="{source}"></script>', STRICT)["script_missing"] == "wrong"
