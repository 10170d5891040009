"""An OpenID Connect provider with real keys: a process of its own on the loopback interface, which can misbehave.

`python -m tests.support.identity_provider` prints its port. One process serves many providers, each below a path of
its own; `IdentityProvider` tells the process what one of them is to say.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode

import httpx2
import uvicorn
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core.util import create_half_hash
from joserfc import jws
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT_ID, CLIENT_SECRET = "widget", "a secret of the client"
PERSON = {"sub": "1001", "email": "anna@gorod.test", "email_verified": True, "groups": ["staff", "letters"]}


class ProviderProcess:
    """The process. `add` makes a provider in it."""

    def __init__(self) -> None:
        program, root = (sys.executable, "-m", __name__), Path(__file__).parents[2]
        self._process = subprocess.Popen(program, cwd=root, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = f"http://127.0.0.1:{int(self._process.stdout.readline())}"
        self.client = httpx2.Client(verify=False)  # for plain HTTP: reading certificates takes longer than a request

    def add(self) -> IdentityProvider:
        return IdentityProvider(self)

    def stop(self) -> None:
        self.client.close()
        self._process.terminate()
        self._process.communicate()


class IdentityProvider:
    """Whoever comes is one person, without a question, until it is told otherwise."""

    def __init__(self, process: ProviderProcess) -> None:
        self.process = process
        self._name = secrets.token_hex(4)
        self.issuer = f"{process.url}/{self._name}"
        self.set()

    def set(self, **changes: Any) -> None:
        """Change what it says: the fields of `_State`, and any other as a claim about the person (None removes one)."""
        text = json.dumps(changes)  # with escapes: texts need not be UTF-8
        self.process.client.put(f"{self.process.url}/{self._name}", content=text).raise_for_status()

    def list_asked(self) -> list[str]:
        found: list[str] = self.process.client.get(f"{self.process.url}/{self._name}").json()
        return found


# --- the process -----------------------------------------------------------------------------------------------------


@dataclass
class _State:
    issuer: str
    claims: dict[str, Any] = field(default_factory=lambda: dict(PERSON))
    metadata: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, str] = field(default_factory=dict)  # parameters of the redirect back
    keys: Any = "own"  # what it publishes
    signature: str = "own"  # or: another key, none, HS256
    codes_twice: bool = False  # accepts its codes twice
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def sign(self, claims: dict[str, Any]) -> str:
        """A token, or what looks like one (RFC 8725, 2.1): unsigned, or signed by a key that everybody has."""
        if self.signature in ("own", "another key"):
            key = KEY if self.signature == "own" else RSAKey.generate_key(2048, {"kid": "first"})
            return jws.serialize_compact({"alg": "RS256", "kid": "first"}, json.dumps(claims).encode(), key)
        parts = [json.dumps(one).encode() for one in ({"alg": self.signature, "kid": "first"}, claims)]
        signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
        public = KEY.as_pem(private=False)
        seal = b"" if self.signature == "none" else hmac.digest(public, signed, "sha256")
        return (signed + b"." + base64.urlsafe_b64encode(seal).rstrip(b"=")).decode()


_STATES: dict[str, _State] = {}


async def _control(request: Request) -> Response:
    name = request.path_params["name"]
    state = _STATES.setdefault(name, _State(str(request.url).rstrip("/")))
    changes = json.loads(await request.body() or b"{}")
    own = {one: changes.pop(one) for one in list(changes) if hasattr(state, one) and one != "issuer"}
    for one, value in own.items():
        setattr(state, one, value)
    state.claims |= changes
    return JSONResponse(state.asked)


def _of(request: Request) -> _State:
    return _STATES[request.path_params["name"]]


async def _describe(request: Request) -> Response:
    state = _of(request)
    state.asked.append("description")
    own = {
        "issuer": state.issuer,
        "authorization_endpoint": f"{state.issuer}/authorize",
        "token_endpoint": f"{state.issuer}/token",
        "jwks_uri": f"{state.issuer}/keys",
        "authorization_response_iss_parameter_supported": True,
    }
    return Response(json.dumps(own | state.metadata), media_type="application/json")


async def _authorize(request: Request) -> Response:
    state, asked = _of(request), dict(request.query_params)
    assert (asked["client_id"], asked["response_type"], asked["code_challenge_method"]) == (CLIENT_ID, "code", "S256")
    assert "openid" in asked["scope"].split()
    code = secrets.token_urlsafe(16)
    state.codes[code] = asked
    answer = {"code": code, "state": asked["state"], "iss": state.issuer} | state.answer
    return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(answer)}", 303)


async def _give_token(request: Request) -> Response:
    state = _of(request)
    state.asked.append("token")
    form = dict(await request.form())
    sent = base64.b64decode(request.headers.get("authorization", "").removeprefix("Basic ")).decode()
    known = unquote(sent) == f"{CLIENT_ID}:{CLIENT_SECRET}" or form.get("client_secret") == CLIENT_SECRET
    asked = state.codes.get(str(form.get("code")))
    if not state.codes_twice:
        state.codes.pop(str(form.get("code")), None)
    if not known or asked is None or form["redirect_uri"] != asked["redirect_uri"]:
        return JSONResponse({"error": "invalid_grant"}, 400)
    if create_s256_code_challenge(form["code_verifier"]) != asked["code_challenge"]:
        return JSONResponse({"error": "invalid_grant"}, 400)
    access, now = secrets.token_urlsafe(16), int(time.time())
    claims = {"iss": state.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
    claims |= {"at_hash": create_half_hash(access, "RS256").decode()} | state.claims
    token = state.sign({name: value for name, value in claims.items() if value is not None})
    return JSONResponse({"access_token": access, "token_type": "Bearer", "id_token": token})


async def _list_keys(request: Request) -> Response:
    keys = _of(request).keys
    return JSONResponse({"keys": [KEY.as_dict(private=False)] if keys == "own" else keys})


def _serve() -> None:
    routes = [
        Route("/{name}", _control, methods=["GET", "PUT"]),
        Route("/{name}/.well-known/openid-configuration", _describe),
        Route("/{name}/authorize", _authorize),
        Route("/{name}/token", _give_token, methods=["POST"]),
        Route("/{name}/keys", _list_keys),
    ]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        config = uvicorn.Config(Starlette(routes=routes), log_level="warning", lifespan="off", ws="none")
        uvicorn.Server(config).run([listener])


if __name__ == "__main__":
    KEY = RSAKey.generate_key(2048, {"kid": "first"})
    _serve()
