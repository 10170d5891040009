"""Sign-in by an agency's own OpenID Connect provider, which is a process of its own on the loopback interface."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import time_machine
from limits import parse_many

from tests.api.test_journal import entries
from tests.api.test_third_language import invited
from tests.conftest import ONE_DATABASE
from tests.factories import existing, make_site
from tests.support.cabinet import PASSWORD, Cabinet, Enter, PageText
from tests.support.identity_provider import CLIENT_ID, CLIENT_SECRET, PERSON, IdentityProvider, ProviderProcess
from tests.support.mail import MailSink
from tests.support.second_factor import CODE_PATH, PATH, Device, set_up
from widget_api import clock, encryption, errors, journal
from widget_api.context import Context
from widget_api.mail import outbox as letters
from widget_api.ops import retention
from widget_api.outbound import Outbound
from widget_api.people import accounts, invitations, providers, second_factor
from widget_api.settings import Settings
from widget_api.signing import Purpose
from widget_api.sites import changes
from widget_api.sites import service as sites
from widget_api.web.brute_force import FREE_ATTEMPTS

EMAIL = "anna@gorod.test"
SETTINGS = "/cabinet/organisation/provider"
Browser = Callable[[], Cabinet]
MAPPING = "staff = agent\nheads = head\nchiefs = admin\nreaders = viewer"
pytestmark = pytest.mark.settings(work="off")


@pytest.fixture(scope="module")
def provider_process() -> Iterator[ProviderProcess]:
    process = ProviderProcess()
    yield process
    process.stop()


@pytest.fixture
def idp(provider_process: ProviderProcess) -> IdentityProvider:
    return provider_process.add()


def given(idp: IdentityProvider, **changed: str) -> dict[str, str]:
    values = {"name": "ГосКлюч города", "issuer": idp.issuer, "client_id": CLIENT_ID, "client_password": CLIENT_SECRET}
    return values | {"claim": "groups", "roles": MAPPING} | changed


@pytest.fixture
async def agency(context: Context, idp: IdentityProvider) -> str:
    """An agency with a provider and one account, Anna's."""
    site = await make_site(context.database)
    await providers.set_provider(context, site.agency.id, given(idp))
    await accounts.add_user(context.database, email=EMAIL, role="agent", agency_id=site.agency.id, password=PASSWORD)
    return site.agency.id


@pytest.fixture
def note_all(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each failure is noted, not the powers of two alone."""
    monkeypatch.setattr(context.failures, "count", lambda _: 1)


async def go(cabinet: Cabinet, agency: str, wanted: str = "/cabinet/problems") -> str:
    """Go to the provider and back. Returns the address to which the provider redirects the browser."""
    started = await cabinet.client.get(f"/cabinet/sign-in/{agency}/provider", params={"next": wanted})
    assert started.status_code == 303
    async with httpx2.AsyncClient(verify=False) as outside:  # saves reading certificates
        back = await outside.get(started.headers["location"])
    return str(back.headers["location"])


async def sign_in(cabinet: Cabinet, agency: str, wanted: str = "/cabinet/problems") -> httpx2.Response:
    return await cabinet.client.get(await go(cabinet, agency, wanted))


def is_refused(answer: httpx2.Response, agency: str) -> bool:
    return (answer.status_code, answer.headers["location"]) == (303, f"/cabinet/sign-in/{agency}?failed=1")


async def is_signed_in(cabinet: Cabinet) -> bool:
    return (await cabinet.client.get("/cabinet/problems")).status_code == 200


async def reasons(context: Context) -> list[str]:
    found = await entries(context.database, "sign_in_failed")
    return [entry["details"]["reason"].removeprefix("provider_") for entry in found]


async def user(context: Context, email: str = EMAIL) -> Any:
    return await context.database.row("SELECT * FROM users WHERE email = :email", email=email)


async def test_a_person_signs_in_by_the_agencys_provider(
    agency: str, new_browser: Browser, context: Context, idp: IdentityProvider
) -> None:
    """By the verified e-mail at first, by `sub` from then on, whatever the e-mail is by then."""
    laptop = new_browser()
    page = await laptop.read(f"/cabinet/sign-in/{agency}?next=/cabinet/sites")
    assert "Войти через ГосКлюч города" in page.text
    assert f"/cabinet/sign-in/{agency}/provider?next=/cabinet/sites" in page.links
    entered = await sign_in(laptop, agency)
    assert (entered.status_code, entered.headers["location"]) == (303, "/cabinet/problems")
    assert await is_signed_in(laptop)
    assert (await user(context))["provider_subject"] == f"{idp.issuer} 1001"
    idp.set(email="married@gorod.test", email_verified=False)
    phone = new_browser()
    assert not is_refused(await sign_in(phone, agency), agency)
    assert await is_signed_in(phone)
    assert [entry["kind"] for entry in await entries(context.database, "account_linked", "signed_in")] == [
        "account_linked",
        "signed_in",
        "signed_in",
    ]
    assert len(await context.database.rows("SELECT * FROM users")) == 1


@ONE_DATABASE
async def test_what_the_provider_is_asked(agency: str, new_browser: Browser, settings: Settings) -> None:
    started = await new_browser().client.get(f"/cabinet/sign-in/{agency}/provider")
    asked = parse_qs(urlsplit(started.headers["location"]).query)
    assert asked["redirect_uri"] == [f"{settings.public_url}/cabinet/sign-in/{agency}/callback"]
    assert asked["code_challenge_method"] == ["S256"]
    assert len({asked["state"][0], asked["nonce"][0], asked["code_challenge"][0]}) == 3
    cookie = started.headers["set-cookie"].lower()
    assert cookie.startswith("__host-provider=")
    assert {"httponly", "secure", "path=/", "samesite=lax"} <= {part.strip() for part in cookie.split(";")}


@ONE_DATABASE
async def test_attempts_of_one_address_are_limited(agency: str, new_browser: Browser, context: Context) -> None:
    context.limits._rates["provider_sign_ins"] = tuple(parse_many("1/hour"))
    visitor, steps = new_browser().client, [f"/cabinet/sign-in/{agency}/{step}" for step in ("provider", "callback")]
    assert [(await visitor.get(step)).status_code for step in steps] == [303, 429]


# --- the attacker's table ------------------------------------------------------------------------------------------


@pytest.mark.settings(work="off", rate_limits="off")
async def test_claims_that_let_nobody_in(
    agency: str, new_browser: Browser, context: Context, idp: IdentityProvider, note_all: None
) -> None:
    """`boris@selo.test` is an account of another agency."""
    other = await make_site(context.database, agency={"name": "Село"}, jurisdiction="selo.test")
    await accounts.add_user(context.database, email="boris@selo.test", role="admin", agency_id=other.agency.id)
    laptop, noted = new_browser(), list[str]()
    for claims, reason in (
        ({"nonce": "another"}, "token"), ({"nonce": None}, "token"), ({"exp": 1}, "token"),
        ({"exp": None}, "token"), ({"aud": "another client"}, "token"),
        ({"aud": [CLIENT_ID, "another client"]}, "token"), ({"aud": None}, "token"),
        ({"azp": "another client"}, "token"), ({"iss": "https://evil.test"}, "token"), ({"iss": None}, "token"),
        ({"iat": 4_000_000_000}, "token"), ({"sub": None}, "token"),
        ({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}, "token"), ({"email_verified": False}, "unverified"),
        ({"email_verified": None}, "unverified"), ({"email_verified": "true"}, "unverified"),
        ({"groups": None}, "role"), ({"groups": {"staff": True}}, "role"), ({"sub": 7}, "token"),
        ({"sub": "\0"}, "token"), ({"sub": "\ud800"}, "token"), ({"email": "\ud800@gorod.test"}, "token"),
        ({"email": ["anna@gorod.test"]}, "unverified"), ({"email": "boris@selo.test"}, "unknown"),
        ({"email": "nobody@gorod.test"}, "unknown"), ({"groups": ["cleaners"]}, "role"),
    ):  # fmt: skip
        idp.set(claims=PERSON)
        idp.set(**claims)
        assert is_refused(await sign_in(laptop, agency), agency), claims
        assert not await is_signed_in(laptop), claims
        noted.append(reason)
        assert await reasons(context) == noted, claims
    assert [row["provider_subject"] for row in await context.database.rows("SELECT * FROM users")] == [None, None]
    page = (await laptop.read(f"/cabinet/sign-in/{agency}?failed=1")).text
    assert "не получилось" in page, "the same words whatever the reason"


NO_KEYS: list[Any] = ["x", ["x"], [{}], None, [{"kty": "oct", "k": "A" * 43, "kid": "first"}]]
SIGNATURES = [{"signature": signature} for signature in ("another key", "none", "HS256")]


@ONE_DATABASE
@pytest.mark.parametrize("attack", [*SIGNATURES, *({"keys": keys} for keys in NO_KEYS)], ids=str)
async def test_a_token_that_the_providers_keys_did_not_sign(
    agency: str, new_browser: Browser, context: Context, idp: IdentityProvider, attack: dict[str, Any]
) -> None:
    """None at all, one by a key that everybody has (RFC 8725, 2.1), or keys that are none."""
    idp.set(**attack)
    assert is_refused(await sign_in(new_browser(), agency), agency)
    assert await reasons(context) == ["token"]


async def test_an_answer_without_the_browsers_own_state(agency: str, new_browser: Browser, context: Context) -> None:
    """Code injection, and login CSRF: an attacker's code, in the victim's browser, with or without a sign-in there."""
    thief, victim = new_browser(), new_browser()
    stolen = await go(thief, agency)
    assert is_refused(await victim.client.get(stolen), agency)
    await victim.client.get(f"/cabinet/sign-in/{agency}/provider")
    assert is_refused(await victim.client.get(stolen), agency)
    assert not await is_signed_in(victim)
    assert await reasons(context) == ["state", "state"]


async def test_a_stolen_code_is_worthless_under_another_state(
    agency: str, new_browser: Browser, context: Context, idp: IdentityProvider
) -> None:
    """PKCE: the thief puts a stolen code into an answer with a state of their own."""
    victim, thief = new_browser(), new_browser()
    code = parse_qs(urlsplit(await go(victim, agency)).query)["code"][0]
    own = urlsplit(await go(thief, agency))
    state = parse_qs(own.query)["state"][0]
    injected = {"code": code, "state": state, "iss": idp.issuer}
    assert is_refused(await thief.client.get(own.path, params=injected), agency)
    assert await reasons(context) == ["code"]


@pytest.mark.parametrize("what", ["answer", "cookie too"])
async def test_an_answer_is_good_once(
    agency: str, new_browser: Browser, context: Context, idp: IdentityProvider, what: str
) -> None:
    """Even where the cookie was copied, and the provider accepts its codes twice."""
    idp.set(codes_twice=what == "cookie too")
    laptop, thief = new_browser(), new_browser()
    back = await go(laptop, agency)
    cookie = laptop.client.cookies["__Host-provider"]
    assert not is_refused(await laptop.client.get(back), agency)
    assert "__Host-provider" not in laptop.client.cookies
    if what == "cookie too":
        thief.client.cookies.set("__Host-provider", cookie)
    assert is_refused(await thief.client.get(back), agency)
    assert await reasons(context) == ["state"]


@ONE_DATABASE
@pytest.mark.parametrize("attack", ["expired", "forged", "another purpose", "another agency"])
async def test_a_state_that_is_not_ours(
    agency: str, new_browser: Browser, context: Context, idp: IdentityProvider, attack: str
) -> None:
    laptop, target = new_browser(), agency
    with time_machine.travel(clock.now(), tick=False) as moment:
        back = await go(laptop, agency)
        cookie = laptop.client.cookies["__Host-provider"]
        if attack == "expired":
            moment.shift(601)
        elif attack == "another agency":
            other = await make_site(context.database, agency={"name": "Село"}, jurisdiction="selo.test")
            target = other.agency.id
            await providers.set_provider(context, target, given(idp))
            back = back.replace(agency, target)
        else:
            laptop.client.cookies.clear()
            forged = ("B" if cookie[0] == "A" else "A") + cookie[1:]
            other_purpose = context.signer.sign(Purpose.SECOND_STEP, [agency, idp.issuer, "", "", "", ""])
            laptop.client.cookies.set("__Host-provider", forged if attack == "forged" else other_purpose)
        assert is_refused(await laptop.client.get(back), target)
        assert not await is_signed_in(laptop)


@ONE_DATABASE
async def test_an_answer_of_another_issuer_or_of_none(
    agency: str, new_browser: Browser, context: Context, idp: IdentityProvider, note_all: None
) -> None:
    """Mix-up (RFC 9207): the code goes nowhere."""
    evil = {"iss": "https://evil.test"}
    promised_none = {"authorization_response_iss_parameter_supported": False}
    for times, (answer, metadata) in enumerate(((evil, {}), ({"iss": ""}, {}), (evil, promised_none)), 1):
        idp.set(answer=answer, metadata=metadata, asked=[])
        assert is_refused(await sign_in(new_browser(), agency), agency), answer
        assert await reasons(context) == ["issuer"] * times, answer
        assert set(idp.list_asked()) == {"description"}, answer
    idp.set(answer={}, metadata={})
    laptop = new_browser()
    back = urlsplit(await go(laptop, agency))
    given = {name: values[0] for name, values in parse_qs(back.query).items()}
    without = {name: value for name, value in given.items() if name != "iss"}
    assert is_refused(await laptop.client.get(back.path, params=without), agency)
    assert await reasons(context) == ["issuer"] * 4, "it was promised"
    denied = parse_qs(urlsplit(await go(laptop, agency)).query) | {"error": ["access_denied"]}
    denied.pop("code")
    assert is_refused(await laptop.client.get(back.path, params=denied), agency)
    assert (await reasons(context))[4:] == ["denied"]


@ONE_DATABASE
async def test_a_description_not_the_providers(agency: str, new_browser: Browser, idp: IdentityProvider) -> None:
    for metadata in (
        {"issuer": "https://evil.test"}, {"issuer": None}, {"token_endpoint": "http://10.0.0.1/token"},
        {"authorization_endpoint": "javascript:alert(1)"}, {"authorization_endpoint": "http://[::1"},
        {"authorization_endpoint": "https://a.test/\ud800"}, {"token_endpoint": "https://[::1"},
        {"token_endpoint": 5}, {"jwks_uri": None}, {"jwks_uri": "http://127.0.0.1:1/\ud800"},
    ):  # fmt: skip
        laptop = new_browser()
        idp.set(metadata=metadata)
        started = await laptop.client.get(f"/cabinet/sign-in/{agency}/provider")
        if "://127.0.0.1" in started.headers["location"]:  # the guarded client alone knows what is inside
            async with httpx2.AsyncClient(verify=False) as outside:
                back = await outside.get(started.headers["location"])
            started = await laptop.client.get(back.headers["location"])
        assert is_refused(started, agency)


@ONE_DATABASE
async def test_it_leads_nowhere_but_into_the_cabinet(agency: str, new_browser: Browser) -> None:
    for target in ("//evil.test/", "https://evil.test/", "/cabinet/\\evil", "/track", "/cabinet/" + "x" * 900):
        entered = await sign_in(new_browser(), agency, target)
        assert (entered.status_code, entered.headers["location"]) == (303, "/cabinet/"), target


async def test_an_unknown_agency_looks_like_one_without(agency: str, new_browser: Browser, context: Context) -> None:
    other = await make_site(context.database, agency={"name": "Село"}, jurisdiction="selo.test")
    laptop = new_browser()
    for named in ("01900000-0000-7000-8000-000000000000", other.agency.id):
        for path in ("", "/provider", "/callback?code=1&state=2"):
            answer = await laptop.client.get(f"/cabinet/sign-in/{named}{path}")
            assert (answer.status_code, answer.headers["location"]) == (303, "/cabinet/sign-in")
    await changes.disable_agency(context.database, agency)
    answer = await laptop.client.get(f"/cabinet/sign-in/{agency}")
    assert answer.headers["location"] == "/cabinet/sign-in"


# --- accounts and roles --------------------------------------------------------------------------------------------


async def test_a_disabled_account_and_an_address_given_to_somebody_else_open_nothing(
    agency: str, new_browser: Browser, context: Context, idp: IdentityProvider
) -> None:
    await accounts.disable_user(context.database, EMAIL)
    assert is_refused(await sign_in(new_browser(), agency), agency)
    await accounts.enable_user(context.database, EMAIL)
    assert not is_refused(await sign_in(new_browser(), agency), agency)
    idp.set(sub="2002")
    assert is_refused(await sign_in(new_browser(), agency), agency)
    assert await reasons(context) == ["disabled", "linked"]


@pytest.mark.parametrize(
    ("role", "groups", "after"),
    [
        ("agent", ["chiefs"], "agent"),
        ("agent", ["staff", "readers"], "agent"),
        ("agent", "readers", "viewer"),
        ("head", ["staff"], "agent"),
        ("viewer", ["heads"], "viewer"),
    ],
)
async def test_a_claim_lowers_a_role_and_never_raises_it(
    agency: str, new_browser: Browser, context: Context, idp: IdentityProvider, role: str, groups: Any, after: str
) -> None:
    await accounts.update_user(context.database, EMAIL, {"role": role})
    idp.set(groups=groups)
    assert not is_refused(await sign_in(new_browser(), agency), agency)
    assert (await user(context))["role"] == after
    changed = [entry for entry in await entries(context.database, "user_changed") if entry["role"] == "settings"]
    assert [entry["details"]["role"] for entry in changed] == ([after] if after != role else [])


async def test_the_last_administrator_keeps_the_role(agency: str, new_browser: Browser, context: Context) -> None:
    await accounts.update_user(context.database, EMAIL, {"role": "admin"})
    assert is_refused(await sign_in(new_browser(), agency), agency)
    assert await reasons(context) == ["last_admin"]
    assert (await user(context))["role"] == "admin"
    await accounts.add_user(context.database, email="b@gorod.test", role="admin", agency_id=agency)
    invitee = invitations.Invitee(email="c@gorod.test", role="admin", agency_id=agency, language="ru")
    who = journal.Who(role="admin", user_id=(await user(context))["id"], agency_id=agency)
    await invitations.invite(context.database, invitee, who)
    assert not is_refused(await sign_in(new_browser(), agency), agency)
    assert (await user(context))["role"] == "agent"
    assert await context.database.rows("SELECT id FROM invitations") == [], "it would make an administrator again"


@pytest.mark.parametrize("replaces", ["", "yes"])
async def test_it_replaces_the_second_factor_only_where_the_agency_says_so(
    agency: str, new_browser: Browser, context: Context, idp: IdentityProvider, replaces: str
) -> None:
    await providers.set_provider(context, agency, given(idp, replaces_factor=replaces))
    with time_machine.travel(clock.now(), tick=False) as moment:
        phone = new_browser()
        assert (await phone.sign_in(EMAIL, PASSWORD)).status_code == 303
        device, _ = await set_up(phone)
        moment.shift(second_factor.STEP)
        for attempt in ("links", "finds the link"):
            laptop = new_browser()
            answer = await sign_in(laptop, agency)
            code = attempt == "links" or not replaces
            assert answer.headers["location"].startswith(CODE_PATH if code else "/cabinet/problems")
            assert await is_signed_in(laptop) != code
            if code:
                assert (await send_code(laptop, device)).status_code == 303
                assert await is_signed_in(laptop)
            moment.shift(second_factor.STEP)


async def send_code(cabinet: Cabinet, device: Device) -> httpx2.Response:
    return await cabinet.client.post(CODE_PATH, data={"code": device.code(), "next": "/cabinet/"})


@pytest.fixture
def moment() -> Any:
    with time_machine.travel(clock.now(), tick=False) as traveller:
        yield traveller


@pytest.mark.parametrize("earlier", ["none", "another issuer", "before the factor"])
async def test_linking_needs_the_code_of_whoever_has_one(
    agency: str, enter: Enter, new_browser: Browser, context: Context, idp: IdentityProvider, moment: Any, earlier: str
) -> None:
    """Any administrator may set a provider that answers a colleague's address, and says that it replaces the factor."""
    idp.set(groups=["chiefs"])
    boss = await enter("admin", agency, "boss@gorod.test")
    if earlier == "another issuer":
        idp.set(email="boss@gorod.test")
        assert not is_refused(await sign_in(new_browser(), agency), agency)
    device, _ = await set_up(boss) if earlier != "before the factor" else (None, None)
    moment.shift(second_factor.STEP)
    rogue, evil = await enter("admin", agency, "rogue@gorod.test"), idp.process.add()
    saved = await rogue.send(SETTINGS, SETTINGS, **given(evil, replaces_factor="yes"), password=PASSWORD)
    assert saved.status_code == 303
    evil.set(sub="x", email="boss@gorod.test", groups=["chiefs"])
    thief = new_browser()
    if device is None:
        assert not is_refused(await sign_in(thief, agency), agency)
        device, _ = await set_up(boss)
        moment.shift(second_factor.STEP)
    link = (await user(context, "boss@gorod.test"))["provider_subject"]
    for _ in range(2):
        answer = await sign_in(thief, agency)
        assert answer.headers["location"].startswith(CODE_PATH)
        assert not await is_signed_in(thief)
    assert (await user(context, "boss@gorod.test"))["provider_subject"] == link
    assert (await send_code(thief, device)).status_code == 303, "whoever has the device is the boss"
    assert (await user(context, "boss@gorod.test"))["provider_subject"] == f"{evil.issuer} x"


@pytest.mark.parametrize("happens", ["removed", "another issuer", "linked"])
async def test_a_code_links_nothing_that_changed_meanwhile(
    agency: str, new_browser: Browser, context: Context, idp: IdentityProvider, moment: Any, happens: str
) -> None:
    phone = new_browser()
    await phone.sign_in(EMAIL, PASSWORD)
    device, _ = await set_up(phone)
    moment.shift(second_factor.STEP)
    laptop = new_browser()
    await sign_in(laptop, agency)
    if happens == "removed":
        await providers.remove_provider(context.database, agency)
    elif happens == "another issuer":
        await providers.set_provider(context, agency, given(idp.process.add()))
    else:
        await accounts.add_user(context.database, email="new@gorod.test", role="agent", agency_id=agency)
        idp.set(email="new@gorod.test")
        assert not is_refused(await sign_in(new_browser(), agency), agency)
    assert (await send_code(laptop, device)).status_code == 403
    assert not await is_signed_in(laptop)
    assert (await user(context))["provider_subject"] is None


async def test_a_sign_in_ends_with_the_provider_with_which_it_began(
    agency: str, new_browser: Browser, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow provider does not outlast its removal."""
    fetch = providers._fetch_claims

    async def fetch_slowly(*given: Any) -> dict[str, Any]:
        claims = await fetch(*given)
        await providers.remove_provider(context.database, agency)
        return claims

    monkeypatch.setattr(providers, "_fetch_claims", fetch_slowly)
    laptop = new_browser()
    assert is_refused(await sign_in(laptop, agency), agency)
    assert not await is_signed_in(laptop)


async def test_every_administrator_is_told_when_the_provider_changes(
    agency: str, enter: Enter, context: Context, mail_sink: MailSink
) -> None:
    async def count_letters() -> list[int]:
        while await letters.send_due(context, providers.LETTERS) == 0:
            pass
        return [len(mail_sink.to(f"{name}@gorod.test")) for name in ("boss", "rogue", "anna", "gone", "selo")]

    other = await make_site(context.database, agency={"name": "Село"}, jurisdiction="selo.test")
    await accounts.add_user(context.database, email="selo@gorod.test", role="admin", agency_id=other.agency.id)
    for name in ("boss", "gone"):
        await accounts.add_user(context.database, email=f"{name}@gorod.test", role="admin", agency_id=agency)
    await accounts.disable_user(context.database, "gone@gorod.test")
    rogue = await enter("admin", agency, "rogue@gorod.test")
    await count_letters()
    for fields, count in (({"name": "Вход"}, 0), ({"replaces_factor": "yes"}, 1), ({"claim": "teams"}, 2)):
        assert (await rogue.send(SETTINGS, SETTINGS, **fields, password=PASSWORD)).status_code == 303
        assert await count_letters() == [count, count, 0, 0, 0]
    await rogue.send(SETTINGS, f"{SETTINGS}/remove")
    assert await count_letters() == [3, 3, 0, 0, 0]
    letter = mail_sink.to("boss@gorod.test")[0]
    assert letter.subject == "Изменился вход через систему ведомства"
    assert any(link.endswith(SETTINGS) for link in letter.links)


@pytest.mark.parametrize("replaces", ["", "yes"])
async def test_a_demanded_factor(
    agency: str, new_browser: Browser, context: Context, idp: IdentityProvider, replaces: str
) -> None:
    await providers.set_provider(context, agency, given(idp, replaces_factor=replaces))
    await changes.update_agency(context.database, agency, {"factor_roles": ["agent"]})
    laptop, phone = new_browser(), new_browser()
    await sign_in(laptop, agency)
    led = await laptop.client.get("/cabinet/problems")
    assert (led.status_code, led.headers.get("location", "")) == (
        (200, "") if replaces else (303, f"{PATH}?next=/cabinet/problems")
    )
    await phone.sign_in(EMAIL, PASSWORD)
    assert not await is_signed_in(phone), "the password alone is not enough"


# --- settings ------------------------------------------------------------------------------------------------------


async def test_administrators_set_it_up_and_remove_it(
    enter: Enter, context: Context, idp: IdentityProvider, new_browser: Browser, settings: Settings
) -> None:
    site = await make_site(context.database)
    admin = await enter("admin", site.agency.id)
    page = await admin.read(SETTINGS)
    assert f"{settings.public_url}/cabinet/sign-in/{site.agency.id}/callback" in page.text
    saved = await admin.send(SETTINGS, SETTINGS, **given(idp), password=PASSWORD)
    assert (saved.status_code, saved.headers["location"]) == (303, f"{SETTINGS}?done=saved")
    stored = existing(await context.database.row("SELECT * FROM identity_providers"))
    assert CLIENT_SECRET not in str(tuple(stored))
    assert CLIENT_SECRET not in (await admin.client.get(SETTINGS)).text
    form = (await admin.read(SETTINGS)).form(SETTINGS)
    assert (
        await admin.client.post(SETTINGS, data=form.fields | {"name": "Вход города", "password": PASSWORD})
    ).status_code == 303
    await accounts.add_user(context.database, email=EMAIL, role="agent", agency_id=site.agency.id)
    laptop = new_browser()
    assert not is_refused(await sign_in(laptop, site.agency.id), site.agency.id), "the secret was kept"
    assert (await admin.send(SETTINGS, f"{SETTINGS}/remove")).status_code == 303
    assert (await laptop.client.get(f"/cabinet/sign-in/{site.agency.id}")).headers["location"] == "/cabinet/sign-in"
    assert [entry["kind"] for entry in await entries(context.database, "provider_set", "provider_removed")] == [
        "provider_set",
        "provider_set",
        "provider_removed",
    ]


async def test_no_open_session_changes_it(agency: str, enter: Enter, context: Context, idp: IdentityProvider) -> None:
    """It signs in whom it names: whoever changes it gives the password again, and a code where there is a factor."""
    admin = await enter("admin", agency)

    async def change(**proof: str) -> tuple[int, str]:
        answer = await admin.send(SETTINGS, SETTINGS, **given(idp, name="Другой"), **proof)
        stored = existing(await providers.find_provider(context, agency))
        assert CLIENT_SECRET not in answer.text
        return answer.status_code, stored.name

    earlier = given(idp)["name"]
    assert await change() == (422, earlier)
    assert await change(password="не тот пароль") == (422, earlier)
    with time_machine.travel(clock.now(), tick=False) as clocks:
        device, codes = await set_up(admin)
        assert "Код" in (await admin.read(SETTINGS)).text
        assert await change(password=PASSWORD) == (422, earlier)
        assert await change(password=PASSWORD, code=device.code()) == (422, earlier), "it was used when it was set up"
        clocks.shift(30)
        assert await change(password="не тот пароль", code=device.code()) == (422, earlier)
        assert await change(password=PASSWORD, code=device.code()) == (303, "Другой")
        assert await change(password=PASSWORD, code=codes[0]) == (303, "Другой")


async def test_guesses_at_the_password_of_an_open_session_are_delayed(
    agency: str, enter: Enter, context: Context, idp: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    delays: list[float] = []

    async def sleep(seconds: float) -> None:
        delays.append(seconds)

    monkeypatch.setattr(context.guesses, "sleep", sleep)
    monkeypatch.setattr(context.limits, "hit", lambda *_: asyncio.sleep(0))
    admin = await enter("admin", agency)
    for _ in range(FREE_ATTEMPTS + 1):
        await admin.send(SETTINGS, SETTINGS, **given(idp), password="не тот пароль")
    assert delays, "as at the account page"


@ONE_DATABASE
async def test_what_cannot_work_is_refused(context: Context, idp: IdentityProvider) -> None:
    """An issuer inside the network is not even asked (SSRF)."""
    site = await make_site(context.database)
    for changed, field in (
        ({"issuer": "https://10.0.0.1"}, "issuer"),
        ({"issuer": "http://169.254.169.254/latest"}, "issuer"),
        ({"issuer": "{issuer}/"}, "issuer"),
        ({"issuer": "file:///etc/passwd"}, "issuer"),
        ({"roles": "staff = operator"}, "roles"),
        ({"roles": "staff"}, "roles"),
        ({"roles": "\n".join(f"v{number} = agent" for number in range(51))}, "roles"),
        ({"client_password": ""}, "client_password"),
        ({"name": "x" * 61}, "name"),
    ):
        values = {name: value.replace("{issuer}", idp.issuer) for name, value in changed.items()}
        with pytest.raises(errors.Invalid) as caught:
            await providers.set_provider(context, site.agency.id, given(idp) | values)
        assert [error.field for error in caught.value.fields] == [field], field
        assert await context.database.rows("SELECT * FROM identity_providers") == []


async def test_a_private_network_is_asked_where_the_operator_allows_it_alone(
    context: Context, agency: str, idp: IdentityProvider
) -> None:
    """By the origin: another port of the same machine is another service."""
    other = "http://127.0.0.1:1"
    for allowed, asked in ((set(), 0), ({other}, 0), ({idp.process.url, other}, 1)):
        settings = replace(context.settings, private_providers=frozenset(allowed))
        guarded = replace(context, settings=settings, outbound=Outbound())
        idp.set(asked=[])
        with contextlib.nullcontext() if asked else pytest.raises(errors.Invalid):
            await providers.set_provider(guarded, agency, given(idp))
        assert len(idp.list_asked()) == asked
        await guarded.outbound.close()


@ONE_DATABASE
async def test_the_secret_goes_in_the_body_where_a_list_says_so(
    agency: str, new_browser: Browser, idp: IdentityProvider
) -> None:
    for methods in list[Any]((None, 5, "client_secret_post", {}, ["client_secret_post"])):
        idp.set(metadata={"token_endpoint_auth_methods_supported": methods})
        assert not is_refused(await sign_in(new_browser(), agency), agency), methods


async def test_the_secret_goes_to_no_other_issuer(
    agency: str, enter: Enter, context: Context, idp: IdentityProvider
) -> None:
    """An administrator who never knew it could read it at an issuer of their own."""
    admin, rogue = await enter("admin", agency), idp.process.add()
    refused = await admin.send(SETTINGS, SETTINGS, **given(rogue, client_password=""), password=PASSWORD)
    assert refused.status_code == 422
    assert PageText(refused.text).form(SETTINGS).fields["issuer"] == rogue.issuer, "what was typed stays"
    stored = existing(await providers.find_provider(context, agency))
    assert stored.issuer != rogue.issuer


@pytest.mark.parametrize(
    ("changed", "ends"),
    [
        (None, True),
        ({"replaces_factor": ""}, True),
        ({"roles": "none = agent"}, True),
        ({"claim": "teams"}, True),
        ({"client_id": "another"}, True),
        ({"name": "Вход города", "client_password": "another"}, False),
    ],
    ids=str,
)
async def test_changing_or_removing_it_ends_the_sessions_begun_by_it(
    agency: str, new_browser: Browser, context: Context, idp: IdentityProvider, changed: Any, ends: bool
) -> None:
    settings = given(idp, replaces_factor="yes")
    await providers.set_provider(context, agency, settings)
    laptop, phone = new_browser(), new_browser()
    await sign_in(laptop, agency)
    await phone.sign_in(EMAIL, PASSWORD)
    if changed is None:
        await providers.remove_provider(context.database, agency)
    else:
        await providers.set_provider(context, agency, settings | changed)
    assert await is_signed_in(laptop) != ends
    assert await is_signed_in(phone), "a password's session goes on"


async def test_the_command_line_sets_it_up(cli: Callable[..., Any], idp: IdentityProvider, settings: Settings) -> None:
    def run() -> tuple[Any, str]:
        agency = cli("agency", "add", "--name", "A", "--email", "a@b.test", "--json")["agency"]
        ways = ("--issuer", idp.issuer, "--client-id", CLIENT_ID, "--client-secret", CLIENT_SECRET, "--name", "ЕСИА")
        roles = ("--role", "staff=agent", "--role", "chiefs=admin")
        return cli("agency", "provider", agency, *ways, *roles, "--json"), agency

    made, agency = await asyncio.to_thread(run)
    assert made["redirect_uri"] == f"{settings.public_url}/cabinet/sign-in/{agency}/callback"
    assert made["sign_in"] == f"{settings.public_url}/cabinet/sign-in/{agency}"
    removed = await asyncio.to_thread(cli, "agency", "provider", agency, "--remove", "--json")
    assert removed == {"agency": agency}


async def test_the_purge_encrypts_secrets_with_the_new_key(agency: str, context: Context, settings: Settings) -> None:
    keys = ("another key, of thirty-two letters", *settings.secret_keys)
    assert (await retention.purge(context.database, context.storage, keys))["encrypted_again"] == 1
    row = existing(await context.database.row("SELECT * FROM identity_providers"))
    assert encryption.decrypt(keys[:1], f"provider/{agency}", row["client_secret"]) == CLIENT_SECRET


async def test_an_invitation_opened_by_another_signed_in_person(agency: str, enter: Enter, context: Context) -> None:
    """The link makes the invited account and no other; whoever was signed in there is not changed by it."""
    boris = await enter("agent", agency, "boris@gorod.test")
    (site,) = await sites.list_sites(context.database)
    token = await invited(context, site)
    before = await user(context, "boris@gorod.test")
    page = f"/cabinet/invitation/{token}"
    shown = await boris.client.get(page)
    assert shown.status_code == 200
    assert "boris@gorod.test" not in shown.text
    sent = await boris.client.post(page, data={"password": "тихая река у старой мельницы"})
    assert sent.status_code == 303
    after = await user(context, "boris@gorod.test")
    assert tuple(before) == tuple(after), "Boris has neither the role nor the password of the invitation"
    (accepted,) = await entries(context.database, "invitation_accepted")
    made = existing(await context.database.row("SELECT * FROM users WHERE id = :id", id=accepted["subject"]))
    assert made["email"] != "boris@gorod.test"
    assert made["email"] in (await boris.read("/cabinet/account")).text, "the session is the new account's"
    assert (await boris.client.get(page)).status_code == 404, "good once"
