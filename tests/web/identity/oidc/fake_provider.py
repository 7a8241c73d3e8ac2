"""A provider of OpenID Connect in this process, which can also lie."""

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import unquote_plus

from aiohttp import web
from aiohttp.test_utils import TestServer
from joserfc import jwt
from joserfc.jwk import RSAKey
from yarl import URL

CLIENT, SECRET = "redshank", "s3cret: with ünusual+signs"


@cache
def new_key(kid: str) -> RSAKey:
    """Return a key; making one takes long."""
    return RSAKey.generate_key(2048, {"kid": kid})


def _segment(value: Any) -> str:
    text = json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def unsigned(claims: dict[str, Any]) -> str:
    """Return a token with the algorithm `none`."""
    return f"{_segment({'alg': 'none'})}.{_segment(claims)}."


@dataclass
class FakeProvider:
    """The provider; a test changes what it answers.

    Attributes:
        issuer: its URL, once it runs.
        claims: of the user who logs in, beside the standard claims.
        change: changes the claims of an ID token before it is signed.
        sign: signs an ID token; None for the current key.
        document: changes of the discovery document.
        requests: the paths that were requested.
    """

    issuer: str = ""
    claims: dict[str, Any] = field(
        default_factory=lambda: {"sub": "17", "preferred_username": "ann", "email": "ann@a.example"}
    )
    user_info: dict[str, Any] | None = None
    change: Callable[[dict[str, Any]], None] = lambda claims: None
    sign: Callable[[dict[str, Any]], str] | None = None
    document: dict[str, Any] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    key: RSAKey = field(default_factory=lambda: new_key("first"))
    now_ms: Callable[[], int] = lambda: round(time.time() * 1000)
    hold: asyncio.Event | None = None
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def rotate(self, kid: str = "second") -> None:
        """Sign with another key from now on."""
        self.key = new_key(kid)

    def signed_with_public_key(self, claims: dict[str, Any]) -> str:
        """Return a token whose HMAC key is the public key, which everybody knows."""
        # By hand: joserfc refuses to use such a key.
        body = f"{_segment({'alg': 'HS256', 'kid': 'first'})}.{_segment(claims)}"
        code = hmac.digest(self.key.as_pem(private=False), body.encode(), "sha256")
        return f"{body}.{base64.urlsafe_b64encode(code).rstrip(b'=').decode()}"

    def app(self) -> web.Application:
        """Return its web application."""
        app = web.Application(middlewares=[self._count])
        app.router.add_get("/.well-known/openid-configuration", self._discovery)
        app.router.add_get("/keys", self._keys)
        app.router.add_get("/authorize", self._authorize)
        app.router.add_post("/token", self._token)
        app.router.add_get("/userinfo", self._userinfo)
        return app

    @web.middleware
    async def _count(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.requests.append(request.path)
        if self.hold is not None:
            await self.hold.wait()
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _discovery(self, request: web.Request) -> web.Response:
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "id_token_signing_alg_values_supported": ["RS256", "none", "HS256"],
            "authorization_response_iss_parameter_supported": True,
        }
        return web.json_response(document | self.document)

    async def _keys(self, request: web.Request) -> web.Response:
        strange = {"kty": "oct", "k": "c2VjcmV0", "kid": "secret"}
        return web.json_response({"keys": [strange, {"kty": "?"}, self.key.as_dict(private=False)]})

    async def _authorize(self, request: web.Request) -> web.Response:
        """Log in without asking, and send the browser back."""
        query = dict(request.query)
        if query["client_id"] != CLIENT or query["code_challenge_method"] != "S256":
            raise web.HTTPBadRequest
        code = secrets.token_urlsafe(16)
        self._codes[code] = query
        answer = {"code": code, "state": query["state"], "iss": self.issuer}
        raise web.HTTPFound(URL(query["redirect_uri"]).update_query(answer))

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        client, _, secret = base64.b64decode(given).decode().partition(":")
        if scheme != "Basic" or (unquote_plus(client), unquote_plus(secret)) != (CLIENT, SECRET):
            return web.json_response({"error": "invalid_client"}, status=401)
        # A code counts once.
        begun = self._codes.pop(str(form["code"]), None)
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            begun is None
            or begun["code_challenge"] != challenge
            or begun["redirect_uri"] != form["redirect_uri"]
        ):
            return web.json_response({"error": "invalid_grant"}, status=400)
        return web.json_response(
            {
                "access_token": "access",
                "token_type": "Bearer",
                "id_token": self.id_token(begun["nonce"]),
            }
        )

    def id_token(self, nonce: str) -> str:
        """Return an ID token for a login."""
        now_s = self.now_ms() // 1000
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "nonce": nonce,
            "iat": now_s,
            "exp": now_s + 300,
            **self.claims,
        }
        self.change(claims)
        if self.sign is not None:
            return self.sign(claims)
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, claims, self.key)

    async def _userinfo(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Bearer access":
            raise web.HTTPUnauthorized
        return web.json_response(self.user_info or {"sub": self.claims["sub"]})


@asynccontextmanager
async def running_provider(**given: Any) -> AsyncIterator[FakeProvider]:
    """Run a provider on a port of its own."""
    provider = FakeProvider(**given)
    async with TestServer(provider.app()) as server:
        provider.issuer = str(server.make_url("/")).rstrip("/")
        yield provider
