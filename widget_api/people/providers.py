"""Sign in by an agency's own OpenID Connect provider: authorization code with PKCE, verified tokens, existing accounts.

Nobody is created: an account of the agency whose e-mail the provider has verified is linked to the provider's `sub` at
the first sign-in, and found by it from then on. A claim maps to roles. It can lower the role of an account and never
raise it, and whom it gives no role is refused. RFC 9700 says what a client has to check.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast
from urllib.parse import urlsplit

import orjson

from widget_api import clock, encryption, journal
from widget_api.context import Context
from widget_api.database import Database, Row, Transaction, Work
from widget_api.errors import FieldError, Invalid, NotFound
from widget_api.mail import outbox
from widget_api.outbound import Failed, Forbidden
from widget_api.people import accounts, accounts_store, letters, sign_in, store
from widget_api.people.sign_in import PendingSignIn
from widget_api.permissions import AGENCY_ROLES, may
from widget_api.signing import Purpose

ALGORITHMS = ("RS256", "PS256", "ES256", "RS384", "PS384", "ES384", "RS512", "PS512", "ES512", "EdDSA")  # never «none»
LEEWAY = 60  # seconds by which the provider's clock may differ
MAX_ANSWER = 262_144  # bytes of what a provider answers
MAX_MAPPINGS = 50
_MAX_LENGTHS = {"name": 60, "issuer": 200, "client_id": 200, "client_password": 500, "claim": 60, "roles": 4000}
_SUBJECT = re.compile("[ -~]{1,255}")  # OpenID Connect Core 1.0, 2
_MAX_NEXT = 200  # characters of the page to return to; longer ones lead to the first page


class ProviderError(Exception):
    """A sign-in by a provider is refused. `reason` is a code for the journal, `subject` the account if it is known."""

    def __init__(self, reason: str, subject: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.subject = reason, subject


@dataclass(frozen=True, kw_only=True)
class Provider:
    agency_id: str
    name: str  # as the button shows it
    issuer: str
    client_id: str
    client_secret: str
    claim: str
    roles: Mapping[str, str]  # value of the claim → role
    replaces_factor: bool  # whether signing in by it counts as the second factor

    def role_of(self, claims: Mapping[str, Any]) -> str | None:
        """The highest role to which a value of the claim maps."""
        value = claims.get(self.claim)
        values = value if isinstance(value, list) else [value]
        mapped = {self.roles[one] for one in values if isinstance(one, str) and one in self.roles}
        return next((role for role in AGENCY_ROLES if role in mapped), None)


def callback_url(context: Context, agency_id: str) -> str:
    """The only redirect URI, one for each agency, so that no provider can answer for another one (RFC 9700, 4.4)."""
    return f"{context.settings.public_url}/cabinet/sign-in/{agency_id}/callback"


async def find_provider(context: Context, agency_id: str, tx: Transaction | None = None) -> Provider | None:
    """The provider of an enabled agency."""
    row = await (tx or context.database).row(
        "SELECT p.* FROM identity_providers p JOIN agencies a ON a.id = p.agency_id"
        " WHERE p.agency_id = :agency_id AND a.disabled_at IS NULL",
        agency_id=agency_id,
    )
    if row is None:
        return None
    names = ("agency_id", "name", "issuer", "client_id", "claim")
    secret = encryption.decrypt(context.settings.secret_keys, _about(agency_id), row["client_secret"])
    return Provider(
        **{name: row[name] for name in names},
        client_secret=secret or "",
        roles=orjson.loads(row["roles"]),
        replaces_factor=bool(row["replaces_factor"]),
    )


async def set_provider(
    context: Context,
    agency_id: str,
    given: Mapping[str, str],
    who: journal.Who = journal.COMMAND_LINE,
    proof: Work[None] | None = None,
) -> None:
    """Set an agency's provider, after its discovery document was read and in the transaction of `proof`.

    Without a secret the earlier one stays, unless the issuer is another one, which would learn it. Any change but of
    name and secret ends the sessions in which the provider replaced the second factor, and a letter tells every
    administrator: whoever rules the provider signs in as the people whom it names.

    `roles` has a line «value = role» for each value of the claim. Raises Invalid.
    """
    earlier, given = await find_provider(context, agency_id), {name: text.strip() for name, text in given.items()}
    same_issuer = earlier is not None and earlier.issuer == given.get("issuer")
    secret = given.get("client_password") or (earlier.client_secret if earlier and same_issuer else "")
    texts = {name: given.get(name, "") for name in _MAX_LENGTHS} | {"client_password": secret}
    wrong = [FieldError(name, "required") for name, text in texts.items() if not text]
    wrong += [
        FieldError(name, "too_long", (("max", most),)) for name, most in _MAX_LENGTHS.items() if len(texts[name]) > most
    ]
    roles, bad = read_roles(texts["roles"])
    if bad or len(roles) > MAX_MAPPINGS:
        wrong.append(FieldError("roles", "provider_roles"))
    if wrong:
        raise Invalid(tuple(wrong))
    provider = Provider(
        agency_id=agency_id,
        client_secret=secret,
        roles=roles,
        replaces_factor=given.get("replaces_factor") == "yes",
        **{name: texts[name] for name in ("name", "issuer", "client_id", "claim")},
    )
    try:
        await discover(context, provider)
    except ProviderError:
        raise Invalid((FieldError("issuer", "provider_unreachable"),)) from None
    stored = encryption.encrypt(context.settings.secret_keys, _about(agency_id), secret)
    columns = {name: getattr(provider, name) for name in ("name", "issuer", "client_id", "claim", "replaces_factor")}
    columns |= {"agency_id": agency_id, "client_secret": stored, "roles": orjson.dumps(dict(roles)).decode()}

    async def work(tx: Transaction) -> None:
        if proof is not None:
            await proof(tx)
        if earlier is None or replace(earlier, name=provider.name, client_secret=secret) != provider:
            await _end_trust(tx, agency_id)
        await tx.run("DELETE FROM identity_providers WHERE agency_id = :agency_id", agency_id=agency_id)
        await tx.insert("identity_providers", **columns)
        await journal.record(tx, "provider_set", who, subject=agency_id)

    await context.database.write(work)


def read_roles(text: str) -> tuple[dict[str, str], bool]:
    """The mapping in lines «value = role», and whether a line is wrong."""
    pairs = [line.rpartition("=") for line in text.splitlines() if line.strip()]
    roles = {value.strip(): role.strip() for value, _, role in pairs}
    return roles, not all(value and role in AGENCY_ROLES for value, role in roles.items())


async def remove_provider(database: Database, agency_id: str, who: journal.Who = journal.COMMAND_LINE) -> None:
    """Remove an agency's provider, and end the sessions that were begun by it. Raises NotFound."""

    async def work(tx: Transaction) -> None:
        await _end_trust(tx, agency_id)
        if not await tx.run("DELETE FROM identity_providers WHERE agency_id = :agency_id", agency_id=agency_id):
            raise NotFound
        await journal.record(tx, "provider_removed", who, subject=agency_id)

    await database.write(work)


async def _end_trust(tx: Transaction, agency_id: str) -> None:
    """End the sessions in which the provider replaced the second factor, and enqueue the letters about the change."""
    for admin in await accounts_store.list_admins(tx, agency_id):
        await outbox.enqueue(tx, LETTERS.kind, admin["id"])
    people = "user_id IN (SELECT id FROM users WHERE agency_id = :agency_id)"
    await tx.run(f"DELETE FROM sessions WHERE by_provider AND {people}", agency_id=agency_id)


async def renew_encryption(database: Database, keys: tuple[str, ...]) -> int:
    """Encrypt with the newest key what older ones encrypted. Returns the number of secrets."""
    renewed = 0
    for row in await database.rows("SELECT agency_id, client_secret AS earlier FROM identity_providers"):
        values = {"agency_id": row["agency_id"], "earlier": row["earlier"]}
        if stored := encryption.renew(keys, _about(row["agency_id"]), row["earlier"]):

            async def work(tx: Transaction, values: Mapping[str, str] = values, stored: str = stored) -> int:
                where = "agency_id = :agency_id AND client_secret = :earlier"
                return await tx.run(
                    f"UPDATE identity_providers SET client_secret = :stored WHERE {where}", stored=stored, **values
                )

            renewed += await database.write(work)
    return renewed


def _about(agency_id: str) -> str:
    return f"provider/{agency_id}"


# --- the protocol --------------------------------------------------------------------------------------------------


async def discover(context: Context, provider: Provider) -> dict[str, Any]:
    """The provider's metadata (OpenID Connect Discovery 1.0, 4.3). Raises ProviderError."""
    metadata = await _call(context, provider.issuer.rstrip("/") + "/.well-known/openid-configuration")
    if metadata.get("issuer") != provider.issuer:
        raise ProviderError("issuer")
    try:
        names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
        schemes = [urlsplit(str(metadata.get(name))).scheme for name in names]
    except ValueError:
        raise ProviderError("discovery") from None
    for scheme in schemes:
        if scheme != "https" and (context.settings.production or scheme != "http"):
            raise ProviderError("discovery")
    return metadata


async def begin(context: Context, provider: Provider, wanted: str) -> tuple[str, str]:
    """Begin a sign-in. Returns the address at the provider, and the state for the browser's cookie.

    Raises ProviderError.
    """
    from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
    from authlib.oauth2.rfc7636 import create_s256_code_challenge

    metadata = await discover(context, provider)
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    address = prepare_grant_uri(
        metadata["authorization_endpoint"],
        provider.client_id,
        "code",
        redirect_uri=callback_url(context, provider.agency_id),
        scope="openid email profile",
        state=state,
        nonce=nonce,
        code_challenge=create_s256_code_challenge(verifier),
        code_challenge_method="S256",
    )
    wanted = wanted if len(wanted) <= _MAX_NEXT else ""
    kept = [provider.agency_id, provider.issuer, state, nonce, verifier, wanted]
    return str(address), context.signer.sign(Purpose.PROVIDER, kept)


async def finish(
    context: Context,
    provider: Provider,
    kept: str | None,
    answer: Mapping[str, str],
    language: str | None = None,
    *,
    ip: str | None,
    user_agent: str,
) -> tuple[str, str | PendingSignIn, str]:
    """Finish a sign-in by what the provider answered to our address; `kept` is the cookie's state.

    Returns the account's address, the session's token or what still needs a code, and the page to go to.
    Raises ProviderError.
    """
    payload = context.signer.read(Purpose.PROVIDER, kept or "")
    if not isinstance(payload, list) or len(payload) != 6 or payload[:2] != [provider.agency_id, provider.issuer]:
        raise ProviderError("state")
    state, nonce, verifier, wanted = (str(part) for part in payload[2:])
    if not hmac.compare_digest(state.encode(), answer.get("state", "").encode("utf-8", "replace")):
        raise ProviderError("state")
    metadata = await discover(context, provider)
    says_issuer = metadata.get("authorization_response_iss_parameter_supported") is True
    if answer.get("iss", "" if says_issuer else provider.issuer) != provider.issuer:
        raise ProviderError("issuer")  # RFC 9207
    if not answer.get("code"):
        raise ProviderError("denied")
    claims = await _fetch_claims(context, provider, metadata, answer["code"], verifier, nonce)
    token = secrets.token_urlsafe(32)

    async def work(tx: Transaction) -> tuple[str, str | PendingSignIn]:
        if not await tx.insert_first("spent", "id", id=f"provider {state}", expires_at=clock.now() + _LIFETIME):
            raise ProviderError("state")  # the browser's cookie was copied
        if await find_provider(context, provider.agency_id, tx) != provider:
            raise ProviderError("state")  # it was changed meanwhile
        row, subject = await _find_account(tx, provider, claims)
        user = await store.find_user(tx, row["id"])
        if user is None:
            raise ProviderError("disabled", row["id"])
        role = await _lower_role(tx, provider, claims, row)
        who = journal.Who(role=role, user_id=user.id, agency_id=user.agency_id, ip=ip)
        if user.has_factor and (subject is not None or not provider.replaces_factor):
            return user.email, PendingSignIn(user_id=user.id, fingerprint=accounts.fingerprint(row), subject=subject)
        if subject is not None:
            await sign_in.link(tx, user, subject, who)
        by = provider.replaces_factor
        await sign_in.finish(tx, user, row["password_hash"], token, language, who, user_agent, by_provider=by)
        return user.email, token

    return (*await context.database.write(work), wanted)


_LIFETIME = Purpose.PROVIDER.value[1]


async def _fetch_claims(
    context: Context, provider: Provider, metadata: Mapping[str, Any], code: str, verifier: str, nonce: str
) -> dict[str, Any]:
    """Exchange the code and verify the ID token (OpenID Connect Core 1.0, 3.1.3.7). Raises ProviderError."""
    from authlib.oauth2.auth import encode_client_secret_basic
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    headers, form = {"Accept": "application/json"}, {"grant_type": "authorization_code", "code": code}
    form |= {"redirect_uri": callback_url(context, provider.agency_id), "code_verifier": verifier}
    methods = metadata.get("token_endpoint_auth_methods_supported")
    if not isinstance(methods, list) or "client_secret_basic" in methods:
        encode_client_secret_basic(provider, "POST", "", headers, "")
    else:
        form |= {"client_id": provider.client_id, "client_secret": provider.client_secret}
    tokens = await _call(context, metadata["token_endpoint"], form, headers)
    keys = await _call(context, metadata["jwks_uri"])
    options = {"iss": {"essential": True, "value": provider.issuer}}
    options["aud"] = {"essential": True, "value": provider.client_id}
    params = {"nonce": nonce, "client_id": provider.client_id, "access_token": tokens.get("access_token")}
    try:
        token = jwt.decode(str(tokens.get("id_token")), KeySet.import_key_set(cast(Any, keys)), algorithms=ALGORITHMS)
        claims = CodeIDToken(token.claims, token.header, options, params)
        claims.validate(clock.now(), LEEWAY)
        orjson.dumps(dict(claims))  # TypeError where a text is no UTF-8, which no database takes
    except (JoseError, ValueError, KeyError, TypeError):
        raise ProviderError("token") from None
    if not isinstance(claims["sub"], str) or not _SUBJECT.fullmatch(claims["sub"]):
        raise ProviderError("token")
    return dict(claims)


def _origin(url: str) -> str:
    """Scheme, host and port of an address. Raises ValueError."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


async def _call(
    context: Context, url: str, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """The JSON object of an answer. Raises ProviderError.

    An agency's administrator chooses the addresses. Only those that the operator listed may be in a private network.
    """
    try:
        answer = await context.outbound.request(
            "GET" if form is None else "POST",
            url,
            operator=_origin(url) in context.settings.private_providers,
            loopback=True,
            form=None if form is None else list(form.items()),
            headers=headers,
            limit=MAX_ANSWER,
        )
        content = orjson.loads(answer.body)
    except (Failed, Forbidden, ValueError):
        raise ProviderError("unreachable") from None
    if answer.status != 200 or not isinstance(content, dict):
        raise ProviderError("unreachable" if form is None else "code")
    return content


# --- the account ---------------------------------------------------------------------------------------------------


async def _find_account(tx: Transaction, provider: Provider, claims: Mapping[str, Any]) -> tuple[Row, str | None]:
    """The agency's account of a person, and to what it is to be linked, if it is not yet. Raises ProviderError."""
    agency_id, subject = provider.agency_id, f"{provider.issuer} {claims['sub']}"  # `sub` is another one elsewhere
    linked = await accounts_store.find_in_agency(tx, agency_id, "provider_subject", subject)
    if linked is not None:
        return linked, None
    email = claims.get("email")
    if claims.get("email_verified") is not True or not isinstance(email, str):
        raise ProviderError("unverified")
    found = await accounts_store.find_in_agency(tx, agency_id, "email", accounts.normalise_email(email))
    if found is None:
        raise ProviderError("unknown")
    earlier = found["provider_subject"]
    if earlier is not None and earlier.startswith(f"{provider.issuer} "):
        raise ProviderError("linked", found["id"])  # the address was given to somebody else
    return found, subject


async def _lower_role(tx: Transaction, provider: Provider, claims: Mapping[str, Any], row: Row) -> str:
    """Lower the account's role to what the claim says, if that is less. Returns the role. Raises ProviderError."""
    mapped, role = provider.role_of(claims), str(row["role"])
    if mapped is None:
        raise ProviderError("role", row["id"])
    if AGENCY_ROLES.index(mapped) <= AGENCY_ROLES.index(role):
        return role
    if may(role, "organisation.manage") and await accounts_store.lock_enabled_admins(tx, provider.agency_id) == [
        row["id"]
    ]:
        raise ProviderError("last_admin", row["id"])
    await accounts_store.update_user(tx, row["id"], {"role": mapped})
    await accounts_store.end_sessions(tx, row["id"])
    who = journal.Who(role="settings", agency_id=provider.agency_id)
    await accounts.withdraw_void_invitations(tx, who)
    details = {"role": mapped, **journal.describe_change(row, {"role": mapped})}
    await journal.record(tx, "user_changed", who, subject=row["id"], details=details)
    return mapped


LETTERS = letters.to_users("provider_changed", "/cabinet/organisation/provider")
