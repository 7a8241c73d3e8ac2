"""The provider: its discovery document, its keys, and the exchange of a code for tokens."""

import asyncio
from base64 import b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote_plus

import aiohttp
import orjson
from pydantic import ConfigDict, Field, ValidationError

from model.base_models import DeferredModel
from model.clock import Clock
from web.identity.oidc.errors import OidcRefusedError, ProviderError
from web.oidc_settings import OidcSettings, is_safe_url

if TYPE_CHECKING:
    from joserfc.jwk import KeySet

_KEPT_MS: Final = 3_600_000
"""How long the discovery document and the keys are kept."""

_KEYS_AT_MOST_EVERY_MS: Final = 30_000
"""Unknown key ids, which anybody can send, cause no more requests than this."""

_LONGEST_ANSWER: Final = 2**20


class DiscoveryDocument(DeferredModel):
    """The parts of a provider's discovery document that a login uses."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    end_session_endpoint: str | None = None
    id_token_signing_alg_values_supported: tuple[str, ...] = ("RS256",)
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class TokenAnswer(DeferredModel):
    """The answer of the token endpoint; the access token only reads the user's claims."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id_token: str
    access_token: str = ""
    token_type: str = Field(default="Bearer")


class Provider:
    """Talks to the provider; what changes rarely is kept for an hour."""

    def __init__(self, settings: OidcSettings, clock: Clock) -> None:
        self.settings, self._clock = settings, clock
        self._session: aiohttp.ClientSession | None = None
        self._discovered: tuple[DiscoveryDocument, int] | None = None
        self._keys: tuple[KeySet, int] | None = None
        self._lock = asyncio.Lock()

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def discovered(self) -> DiscoveryDocument:
        """Return the discovery document.

        Raises:
            ProviderError: the provider does not answer, or its document is invalid.
        """
        async with self._lock:
            return await self._discovery()

    async def _discovery(self) -> DiscoveryDocument:
        if self._discovered is not None and self._clock() < self._discovered[1]:
            return self._discovered[0]
        url = self.settings.issuer.rstrip("/") + "/.well-known/openid-configuration"
        try:
            found = DiscoveryDocument.model_validate(await self._get(url))
        except ValidationError as exc:
            field = ".".join(map(str, exc.errors()[0]["loc"]))
            raise ProviderError(f"{url}: {field}: {exc.errors()[0]['msg']}") from None
        if found.issuer != self.settings.issuer:
            raise ProviderError(
                f"{url} is of the issuer {found.issuer!r}; web.oidc.issuer must be the same"
            )
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint"):
            endpoint = getattr(found, name)
            if endpoint is not None and not is_safe_url(endpoint):
                raise ProviderError(f"{url}: {name} is not https")
        self._discovered = found, self._clock() + _KEPT_MS
        return found

    async def keys(self, key_id: str | None) -> "KeySet":
        """Return the provider's keys; fetch them again for an unknown key id.

        Raises:
            ProviderError: the provider does not answer, or its keys are invalid.
        """
        async with self._lock:
            now_ms = self._clock()
            if self._keys is not None:
                keys, read_ms = self._keys
                age_ms = now_ms - read_ms
                is_known = key_id is None or any(each.kid == key_id for each in keys.keys)
                if age_ms < (_KEPT_MS if is_known else _KEYS_AT_MOST_EVERY_MS):
                    return keys
            found = _key_set(await self._get((await self._discovery()).jwks_uri))
            self._keys = found, now_ms
            return found

    async def exchange(self, code: str, verifier: str, redirect_uri: str) -> TokenAnswer:
        """Return the tokens for a code.

        Raises:
            OidcRefusedError: the provider refuses the code.
            ProviderError: it does not answer, or not as the protocol says.
        """
        document = await self.discovered()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        headers = await self._authenticate(form, document)
        status, body = await self._request("POST", document.token_endpoint, headers, form)
        answer = _mapping(body)
        if status != 200:
            error = str(answer.get("error", f"status {status}"))[:100]
            if error == "invalid_grant":
                raise OidcRefusedError("the provider refuses this login; log in again")
            raise ProviderError(f"the provider's token endpoint answers {error}")
        try:
            return TokenAnswer.model_validate(answer)
        except ValidationError:
            raise ProviderError("the provider's token endpoint answers without an ID token") from (
                None
            )

    async def _authenticate(
        self, form: dict[str, str], document: DiscoveryDocument
    ) -> Mapping[str, str]:
        """Return the headers of the token request; add to the form what goes there."""
        client = self.settings.client_id
        try:
            secret = await asyncio.to_thread(self.settings.secret)
        except (OSError, ValueError) as exc:
            raise ProviderError(f"web.oidc.client_secret_file cannot be read: {exc}") from exc
        if secret is None:
            form["client_id"] = client
            return {}
        methods = document.token_endpoint_auth_methods_supported
        if "client_secret_basic" not in methods and "client_secret_post" in methods:
            form |= {"client_id": client, "client_secret": secret}
            return {}
        # RFC 6749, section 2.3.1: both are form-encoded first.
        pair = f"{quote_plus(client)}:{quote_plus(secret)}".encode()
        return {"Authorization": f"Basic {b64encode(pair).decode()}"}

    async def user_info(self, access_token: str) -> Mapping[str, Any]:
        """Return the claims of the userinfo endpoint, none if there is no such endpoint.

        Raises:
            ProviderError: it does not answer.
        """
        endpoint = (await self.discovered()).userinfo_endpoint
        if endpoint is None or not access_token:
            return {}
        return await self._get(endpoint, {"Authorization": f"Bearer {access_token}"})

    async def _get(self, url: str, headers: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        status, body = await self._request("GET", url, headers or {}, None)
        if status != 200:
            raise ProviderError(f"{url} answers with status {status}")
        return _mapping(body)

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], form: Mapping[str, str] | None
    ) -> tuple[int, bytes]:
        session = self._session
        if session is None:
            # No cookies, and no redirects: a secret goes where the document says, or nowhere.
            session = self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(self.settings.timeout_s),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        sent = {"Accept": "application/json", **headers}
        try:
            async with session.request(
                method, url, headers=sent, data=form, allow_redirects=False
            ) as answer:
                body = await answer.content.read(_LONGEST_ANSWER + 1)
                while len(body) <= _LONGEST_ANSWER and not answer.content.at_eof():
                    body += await answer.content.read(_LONGEST_ANSWER + 1)
        except TimeoutError:
            raise ProviderError(f"no answer in {self.settings.timeout_s:g} s from {url}") from None
        except (aiohttp.ClientError, ValueError) as exc:
            raise ProviderError(f"{url}: {exc}") from exc
        if len(body) > _LONGEST_ANSWER:
            raise ProviderError(f"{url} answers with more than 1 MiB")
        return answer.status, body


def _mapping(body: bytes) -> Mapping[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ProviderError("the provider does not answer in JSON") from None
    if not isinstance(found, dict):
        raise ProviderError("the provider does not answer with a JSON object")
    return found


def _key_set(document: Mapping[str, Any]) -> "KeySet":
    """Return the public keys of a JWKS; keys of kinds that nobody here knows are left out."""
    from joserfc.errors import JoseError
    from joserfc.jwk import JWKRegistry, KeySet

    given = document.get("keys")
    keys = []
    for each in given if isinstance(given, list) else []:
        # A symmetric key among public ones could only serve to forge tokens.
        if not isinstance(each, dict) or each.get("kty") not in ("RSA", "EC", "OKP"):
            continue
        if each.get("use", "sig") != "sig":
            continue
        try:
            keys.append(JWKRegistry.import_key(each))
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    if not keys:
        raise ProviderError("the provider's key set has no key that signs")
    return KeySet(keys)
