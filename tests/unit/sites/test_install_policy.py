"""Policies case by case: the matching algorithms of CSP Level 3, and the documented strict policy."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from widget_api.sites.install.policy import is_sandboxed, judge_request, matches_any, parse_policies

W = "https://widget.test"
PAGE = "https://gorod.test/news/"
STRICT = (
    f"default-src 'none'; script-src {W}; connect-src {W}; img-src {W} blob:; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
SCRIPT, CONNECT, IMAGE, FRAME = "script-src-elem", "connect-src", "img-src", "frame-src"


def outcome(
    header: str, directive: str = SCRIPT, url: str = f"{W}/w/1/loader.js", page: str = PAGE, **more: str
) -> str:
    return judge_request(parse_policies(header), directive, url, page, **more).outcome


def test_the_documented_policy_allows_widget_and_previews_and_no_frame() -> None:
    for directive in (SCRIPT, CONNECT, IMAGE):
        assert outcome(STRICT, directive) == "allowed", directive
    assert outcome(STRICT, IMAGE, f"blob:{PAGE}") == "allowed"
    assert outcome(STRICT, FRAME) == "blocked"


def test_sources() -> None:
    for sources, url, allowed in (
        ("'none'", W, False),
        ("", W, False),
        (W, f"{W}/w/1/loader.js", True),
        (f"{W}/", f"{W}/w/1/loader.js", True),
        ("https://WIDGET.test", f"{W}/x", True),
        ("widget.test", W, True),
        ("widget.test:443", W, True),
        ("widget.test:80", W, True),  # the default port of the plain scheme is upgraded with it
        ("widget.test:8443", W, False),
        ("widget.test:*", f"{W}:8443/", True),
        ("widget.test", f"{W}:8443/", False),
        ("http://widget.test", W, True),
        ("https://widget.test", "http://widget.test/", False),
        ("widget.test", "http://widget.test/", False),  # the page is https
        ("https:", W, True),
        ("http:", W, True),
        ("https:", "http://widget.test", False),
        ("blob:", "blob:https://gorod.test/1", True),
        ("data:", W, False),
        ("*", W, True),
        ("*", "blob:https://gorod.test/1", False),
        ("*", "data:text/plain,1", False),
        ("*:443", W, True),
        ("https://*", W, True),
        ("*.test", W, True),
        ("*.widget.test", W, False),
        ("*.widget.test", "https://a.b.widget.test/", True),
        ("*.widget.test", "https://notwidget.test/", False),
        ("dget.test", W, False),
        ("widget.test.evil.test", W, False),
        ("'self'", W, False),
        ("'self'", "https://gorod.test/w/1/loader.js", True),
        ("'self'", "https://gorod.test:8443/", False),
        ("'SELF'", "https://gorod.test/", True),
        ("https://widget.test/w/", f"{W}/w/1/loader.js", True),
        ("https://widget.test/w", f"{W}/w/1/loader.js", False),
        ("https://widget.test/w/1/loader.js", f"{W}/w/1/loader.js", True),
        ("https://widget.test/%77/", f"{W}/w/1/loader.js", True),
        ("https://widget.test/W/", f"{W}/w/1/loader.js", False),
        ("'none' https://widget.test", W, True),
        ("'unsafe-inline'", W, False),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/w/1/loader.js", True),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8001/w/1/loader.js", False),
        ("http://[::1]:8000", "http://[::1]:8000/", True),
        ("https://xn--c1ac3aaj.xn--p1ai", "https://xn--c1ac3aaj.xn--p1ai/x", True),
    ):
        assert matches_any(sources.split(), url, PAGE) is allowed


def test_self_may_become_secure() -> None:
    for page, url, allowed in (
        ("http://gorod.test/", "https://gorod.test/", True),
        ("http://gorod.test:8080/", "https://gorod.test/", False),
        ("http://gorod.test:8080/", "https://gorod.test:8080/", True),
        ("https://gorod.test/", "http://gorod.test/", False),
        ("file:///home/x.html", "https://gorod.test/", False),
    ):
        assert matches_any(["'self'"], url, page) is allowed


def test_directive_fallbacks() -> None:
    for header, directive, expected in (
        ("", SCRIPT, "allowed"),
        ("frame-ancestors 'self'", SCRIPT, "allowed"),
        ("default-src 'self'", CONNECT, "blocked"),
        (f"default-src 'self' {W}", CONNECT, "allowed"),
        (f"default-src {W}; connect-src 'self'", CONNECT, "blocked"),
        (f"default-src 'none'; script-src {W}", SCRIPT, "allowed"),
        (f"script-src {W}; script-src-elem 'self'", SCRIPT, "blocked"),
        (f"script-src 'self'; script-src-elem {W}", SCRIPT, "allowed"),
        (f"default-src 'self'; child-src {W}", FRAME, "allowed"),
        (f"child-src {W}; frame-src 'none'", FRAME, "blocked"),
        (f"frame-src 'none'; frame-src {W}", FRAME, "blocked"),  # the first of a name counts
        (f"SCRIPT-SRC {W.upper()}", SCRIPT, "allowed"),
        (f"script-src\t{W}\n;", SCRIPT, "allowed"),
        (f"script-src {W}, script-src 'self'", SCRIPT, "blocked"),  # all policies must allow
        (f"script-src {W}, connect-src 'none'", SCRIPT, "allowed"),
    ):
        assert outcome(header, directive) == expected


def test_the_verdict_names_the_directive() -> None:
    assert judge_request(parse_policies("default-src 'self'"), CONNECT, W, PAGE).directive == "default-src"
    both = parse_policies(f"connect-src {W}, default-src 'self'; script-src 'none'")
    assert judge_request(both, CONNECT, W, PAGE).directive == "default-src"


def test_nonces_hashes_and_strict_dynamic() -> None:
    for sources, nonce, integrity, expected in (
        ("'nonce-abc'", "", "", "conditional"),
        ("'nonce-abc'", "abc", "", "allowed"),
        ("'nonce-abc'", "ABC", "", "conditional"),
        (f"'nonce-abc' {W}", "", "", "allowed"),
        (f"'nonce-abc' 'strict-dynamic' {W}", "", "", "conditional"),
        (f"'nonce-abc' 'strict-dynamic' {W}", "abc", "", "allowed"),
        (f"'strict-dynamic' {W}", "", "", "blocked"),
        ("'sha384-AAAA'", "", "sha384-AAAA", "allowed"),
        ("'sha384-AAAA'", "", "sha384-AAAA sha384-BBBB", "conditional"),
        ("'sha384-AAAA'", "", "", "conditional"),
        ("'nonce-'", "", "", "conditional"),
    ):
        assert outcome(f"script-src {sources}", nonce=nonce, integrity=integrity) == expected


def test_a_meta_element_holds_one_policy_and_no_sandbox() -> None:
    assert is_sandboxed(parse_policies("sandbox allow-scripts"))
    assert is_sandboxed(parse_policies("sandbox"))
    assert not is_sandboxed(parse_policies("sandbox allow-scripts allow-same-origin allow-forms"))
    assert not is_sandboxed(parse_policies("sandbox", meta=True))
    assert len(parse_policies("script-src a, script-src b", meta=True)) == 1
    assert len(parse_policies("script-src a, script-src b")) == 2


@given(st.text(max_size=200), st.sampled_from([SCRIPT, CONNECT, IMAGE, FRAME]))
def test_no_text_breaks_it(header: str, directive: str) -> None:
    assert outcome(header, directive) in ("allowed", "conditional", "blocked")


_SOURCE = st.sampled_from(["'self'", W, "https:", "*", "'none'", "*.test", "blob:", "'nonce-a'", "gorod.test:8443"])


@given(st.lists(st.lists(_SOURCE, max_size=3), min_size=1, max_size=3), st.lists(_SOURCE, max_size=3))
def test_another_policy_never_allows_more(policies: list[list[str]], more: list[str]) -> None:
    order = ("blocked", "conditional", "allowed")
    few = ", ".join(f"script-src {' '.join(sources)}" for sources in policies)
    before, after = outcome(few), outcome(f"{few}, script-src {' '.join(more)}")
    assert order.index(after) <= order.index(before)


@given(st.lists(_SOURCE, max_size=4), _SOURCE)
def test_another_source_never_allows_less(sources: list[str], more: str) -> None:
    if matches_any(sources, W, PAGE):
        assert matches_any([*sources, more], W, PAGE)
