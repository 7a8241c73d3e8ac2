"""The server's secret keys, in a file with mode 600.

Signing keys sign JSON Web Tokens with HS256, because the server itself checks them. The
first key is the current one; the others are accepted until the last token that they
signed has expired. The sealing key encrypts secrets that must be read again, such as
those of second factors, so that a copy of `records.db` alone does not reveal them.

Source: RFC 7519 (JWT), RFC 7516 (JWE, direct AES-256-GCM).
"""

import asyncio
import hashlib
import hmac
import importlib
import json
import os
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints, ValidationError

from model.base_models import DeferredModel
from web.http.errors import WebError

if TYPE_CHECKING:
    from joserfc.jwk import GuestProtocol, OctKey

ISSUER: Final = "redshank"

_SIGNATURE: Final = "HS256"
_SEAL: Final = {"alg": "dir", "enc": "A256GCM"}
_LONGEST_TOKEN: Final = 4096
MOST_VERIFIED: Final = 1000

Key256 = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{43}$")]
"""256 bits in base64url."""


class KeysError(WebError):
    """The keys cannot be used; the message states the reason."""


class SigningKey(DeferredModel):
    """A signing key; `accepted_until_ms` is None for the current one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kid: str
    k: Key256
    created_ms: int
    accepted_until_ms: int | None = None


class KeyFile(DeferredModel):
    """The content of the file; keys are base64url, as in a JWK."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    signing: tuple[SigningKey, ...] = Field(min_length=1)
    sealing: Key256


class VerifiedTokens:
    """A cache of verified tokens: verifying a signature takes 0.15 ms.

    Revocation is not cached: each request looks the credential up in the records.
    """

    def __init__(self) -> None:
        self._tokens: OrderedDict[bytes, tuple[Mapping[str, Any], int, int]] = OrderedDict()

    def get(self, token: str, audience: str, now_ms: int) -> Mapping[str, Any] | None:
        """Return the claims of a verified token, None if it is not cached."""
        claims, since_ms, until_ms = self._tokens.get(_digest(token, audience), ({}, 0, 0))
        # If the clock was set back, the token may not be valid yet.
        return claims if since_ms <= now_ms < until_ms else None

    def put(
        self, token: str, audience: str, claims: Mapping[str, Any], since_ms: int, until_ms: int
    ) -> None:
        """Cache the claims of a token that was verified."""
        self._tokens[_digest(token, audience)] = claims, since_ms, until_ms
        if len(self._tokens) > MOST_VERIFIED:
            self._tokens.popitem(last=False)


def _digest(token: str, audience: str) -> bytes:
    """Return the cache key of a token: a hash, so that memory holds fewer secrets."""
    return hashlib.blake2b(f"{audience} {token}".encode(), digest_size=32).digest()


class KeyRing:
    """Signs and checks tokens, encrypts and decrypts secrets; await `ready` first."""

    def __init__(self, path: Path, file: KeyFile) -> None:
        self._path = path
        # Replaced as a whole, because other threads may be reading it.
        self._file = file
        self._is_ready = False
        self._verified = VerifiedTokens()

    async def ready(self) -> None:
        """Import joserfc on first use: 9 MB that a server without tokens does not need."""
        if not self._is_ready:
            await asyncio.to_thread(importlib.import_module, "joserfc.jwt")
            await asyncio.to_thread(importlib.import_module, "joserfc.jwe")
            self._is_ready = True

    @classmethod
    def open(cls, path: Path, now_ms: int) -> "KeyRing":
        """Read the file, or create it with new keys; blocks.

        Raises:
            KeysError: the file is damaged.
            OSError: reading or writing failed.
        """
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            file = KeyFile(signing=(_new_signing_key(now_ms),), sealing=_new_key())
            _write(path, file)
            return cls(path, file)
        path.chmod(0o600)
        try:
            return cls(path, KeyFile.model_validate_json(text))
        except (ValidationError, ValueError) as exc:
            # Without the details, which contain secrets.
            raise KeysError(f"{path} is damaged; restore it from a backup") from exc

    def sign(self, claims: Mapping[str, Any], audience: str, now_ms: int, lifetime_s: int) -> str:
        """Return a token with these claims, for one audience and a limited time."""
        from joserfc import jwt

        current = self._file.signing[0]
        now_s = now_ms // 1000
        standard = {"iss": ISSUER, "aud": audience, "iat": now_s, "exp": now_s + lifetime_s}
        return jwt.encode(
            {"alg": _SIGNATURE, "kid": current.kid},
            {**claims, **standard},
            _key(current.k),
            algorithms=[_SIGNATURE],
        )

    def claims(self, token: str, audience: str, now_ms: int) -> Mapping[str, Any] | None:
        """Return the claims of a valid token of this server, None for any other."""
        if len(token) > _LONGEST_TOKEN or not token.isascii():
            return None
        seen = self._verified.get(token, audience, now_ms)
        if seen is not None:
            return seen
        from joserfc import jwt
        from joserfc.errors import JoseError

        known = {each.kid: each for each in self._file.signing}
        ends_ms: list[int] = []

        def signer(guest: "GuestProtocol") -> "OctKey":
            key = known[guest.headers()["kid"]]
            if key.accepted_until_ms is not None and key.accepted_until_ms <= now_ms:
                raise KeyError("the key is retired")
            if key.accepted_until_ms is not None:
                ends_ms.append(key.accepted_until_ms)
            return _key(key.k)

        registry = jwt.JWTClaimsRegistry(
            now=now_ms // 1000,
            iss={"essential": True, "value": ISSUER},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
        )
        try:
            found = jwt.decode(token, signer, algorithms=[_SIGNATURE])
            registry.validate(found.claims)
        except (JoseError, ValueError, KeyError, TypeError):
            # A hypothesis test checks that arbitrary tokens raise nothing else.
            return None
        until_ms = min([int(found.claims["exp"]) * 1000, *ends_ms])
        self._verified.put(token, audience, found.claims, now_ms, until_ms)
        return found.claims

    def authentication_code(self, purpose: str, text: str) -> str:
        """Return the authentication code (HMAC) of a text for one purpose, in hexadecimal.

        It changes with the signing key, and needs neither `ready` nor its 9 MB.
        """
        key = hmac.digest(self._file.signing[0].k.encode(), purpose.encode(), "sha256")
        return hmac.digest(key, text.encode("utf-8", "surrogatepass"), "sha256").hex()

    def seal(self, purpose: str, text: str) -> str:
        """Return `text` encrypted; decrypting it needs the same purpose."""
        from joserfc import jwe

        return jwe.encrypt_compact(dict(_SEAL), json.dumps([purpose, text]), self._sealing())

    def _sealing(self) -> "OctKey":
        return _key(self._file.sealing)

    def unseal(self, purpose: str, sealed: str) -> str:
        """Return the decrypted text.

        Raises:
            KeysError: the text was sealed with another key or for another purpose.
        """
        from joserfc import jwe
        from joserfc.errors import JoseError

        try:
            plain = jwe.decrypt_compact(sealed, self._sealing(), algorithms=list(_SEAL.values()))
            found, text = json.loads(plain.plaintext or b"")
        except (JoseError, ValueError, TypeError) as exc:
            raise KeysError(f"{self._path.name} is not the file whose key sealed this") from exc
        if found != purpose or not isinstance(text, str):
            raise KeysError("sealed for another purpose")
        return text

    def rotate(self, now_ms: int, overlap_ms: int) -> None:
        """Sign with a new key from now on; blocks.

        Tokens of the old key are accepted for `overlap_ms`; 0 ends them at once.

        Raises:
            OSError: writing failed; nothing has changed.
        """
        file = self._file
        current, *older = file.signing
        retired = current.model_copy(update={"accepted_until_ms": now_ms + overlap_ms})
        kept = [
            each
            for each in (retired, *older)
            if overlap_ms and each.accepted_until_ms and each.accepted_until_ms > now_ms
        ]
        file = file.model_copy(update={"signing": (_new_signing_key(now_ms), *kept)})
        _write(self._path, file)
        self._file = file
        # Tokens of the old key must be verified again.
        self._verified = VerifiedTokens()


def _new_key() -> str:
    return secrets.token_urlsafe(32)


def _new_signing_key(now_ms: int) -> SigningKey:
    return SigningKey(kid=secrets.token_urlsafe(9), k=_new_key(), created_ms=now_ms)


def _key(text: str) -> "OctKey":
    from joserfc.jwk import OctKey

    return OctKey.import_key({"kty": "oct", "k": text})


def _write(path: Path, file: KeyFile) -> None:
    """Replace the file atomically: after a crash it is the old or the new one."""
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(file.model_dump_json(indent=1))
        stream.flush()
        os.fsync(stream.fileno())
    partial.replace(path)
    directory = os.open(path.parent, os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
