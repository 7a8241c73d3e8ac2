"""Verifies an ID token: its signature, and that it is for us, for this login, and fresh."""

import hmac
from collections.abc import Mapping
from typing import Any, Final

import orjson

from web.identity.oidc.errors import OidcRefusedError
from web.identity.oidc.provider import Provider

_LONGEST: Final = 65_536
_LEEWAY_S: Final = 60
"""How far the provider's clock may differ from ours."""

_OLDEST_S: Final = 600
"""How old a token of a login that just ended may be."""

ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
)
"""Signatures with a public key only: `none` proves nothing, and HS256 mixes up kinds of keys."""


async def verified_claims(
    token: str, provider: Provider, nonce: str, now_ms: int
) -> Mapping[str, Any]:
    """Return the claims of a valid ID token.

    Raises:
        OidcRefusedError: the token is invalid; the message names the claim.
        ProviderError: the provider's keys cannot be read.
    """
    from joserfc import jwt
    from joserfc.errors import JoseError

    document = await provider.discovered()
    allowed = set(document.id_token_signing_alg_values_supported) & set(ALGORITHMS)
    header = _header(token)
    if header.get("alg") not in allowed:
        raise _refused("is signed with an algorithm that is not allowed")
    key_id = header.get("kid")
    keys = await provider.keys(key_id if isinstance(key_id, str) else None)
    registry = jwt.JWTClaimsRegistry(
        now=now_ms // 1000,
        leeway=_LEEWAY_S,
        iss={"essential": True, "value": provider.settings.issuer},
        aud={"essential": True, "value": provider.settings.client_id},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
    )
    try:
        found = jwt.decode(token, keys, algorithms=sorted(allowed))
        registry.validate(found.claims)
    except (JoseError, ValueError, KeyError, TypeError) as exc:
        claim = getattr(exc, "claim", None)
        raise _refused(
            f"has an invalid claim {claim}" if claim else "is not signed by its keys"
        ) from None
    _check_further(found.claims, provider.settings.client_id, nonce, now_ms)
    return found.claims


def _check_further(claims: Mapping[str, Any], client_id: str, nonce: str, now_ms: int) -> None:
    given = claims.get("nonce")
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), nonce.encode()):
        raise _refused("is not for this login: its nonce differs")
    audience, party = claims["aud"], claims.get("azp")
    is_for_several = isinstance(audience, list) and len(audience) > 1
    if party != client_id and (party is not None or is_for_several):
        raise _refused("is for another client: its claim azp differs")
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise _refused("has an invalid claim sub")
    if now_ms / 1000 - claims["iat"] > _OLDEST_S + _LEEWAY_S:
        raise _refused("is old: check the clocks of both machines")


def _header(token: str) -> Mapping[str, Any]:
    """Return the header of a token, which is not verified yet."""
    from joserfc.util import urlsafe_b64decode

    if len(token) > _LONGEST or token.count(".") != 2 or not token.isascii():
        raise _refused("is not a signed token")
    try:
        found = orjson.loads(urlsafe_b64decode(token.split(".", maxsplit=1)[0].encode()))
    except ValueError:
        raise _refused("has no readable header") from None
    if not isinstance(found, dict):
        raise _refused("has no readable header")
    return found


def _refused(reason: str) -> OidcRefusedError:
    return OidcRefusedError(f"the provider's ID token {reason}")
