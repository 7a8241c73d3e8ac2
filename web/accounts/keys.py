"""The server's own keys, in one file that only its user may read.

Signing keys sign JSON Web Tokens (HS256: who checks them is who made them); the first
is the current one, the others are accepted until the last token they signed has
ended. The sealing key encrypts what must be read again, such as the secrets of second
factors, so that a copy of `records.db` alone gives them to nobody.

Source: RFC 7519 (JWT), RFC 7516 (JWE, direct AES-256-GCM).
"""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from joserfc import jwe, jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, OctKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from web.errors import WebError

ISSUER: Final = "redshank"

_SIGNATURE: Final = "HS256"
_SEAL: Final = {"alg": "dir", "enc": "A256GCM"}
_LONGEST_TOKEN = 4096


class KeysError(WebError):
    """The keys cannot be used; the message says why."""


class SigningKey(BaseModel):
    """A key with the time until which its tokens are accepted, None for the current one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kid: str
    k: str
    created_ms: int
    accepted_until_ms: int | None = None


class KeyFile(BaseModel):
    """What the file holds; keys are base64url, as in a JWK."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    signing: tuple[SigningKey, ...] = Field(min_length=1)
    sealing: str


@dataclass(frozen=True, slots=True)
class _Keys:
    """A file's keys, ready for use; exchanged as a whole, for another thread may use them."""

    file: KeyFile
    signing: Mapping[str, tuple[OctKey, int | None]]
    sealing: OctKey

    @classmethod
    def of(cls, file: KeyFile) -> "_Keys":
        signing = {each.kid: (_key(each.k), each.accepted_until_ms) for each in file.signing}
        return cls(file, signing, _key(file.sealing))


class KeyRing:
    """Signs and seals."""

    def __init__(self, path: Path, file: KeyFile) -> None:
        self._path = path
        self._keys = _Keys.of(file)

    @classmethod
    def open(cls, path: Path, now_ms: int) -> "KeyRing":
        """Read the file, or make one with new keys; blocks.

        Raises:
            KeysError: it is damaged.
            OSError: the disk refused.
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
        except (ValidationError, JoseError, ValueError) as exc:
            # What it holds is not told: it is secret.
            raise KeysError(f"{path} is damaged; restore it from a backup") from exc

    def sign(self, claims: Mapping[str, Any], audience: str, now_ms: int, lifetime_s: int) -> str:
        """Return a token with these claims, good for one purpose and for a while."""
        keys = self._keys
        kid = keys.file.signing[0].kid
        key, _ = keys.signing[kid]
        now_s = now_ms // 1000
        standard = {"iss": ISSUER, "aud": audience, "iat": now_s, "exp": now_s + lifetime_s}
        return jwt.encode(
            {"alg": _SIGNATURE, "kid": kid}, {**claims, **standard}, key, algorithms=[_SIGNATURE]
        )

    def claims(self, token: str, audience: str, now_ms: int) -> Mapping[str, Any] | None:
        """Return what a token of ours says; None for any other, or once it has ended."""
        if len(token) > _LONGEST_TOKEN or not token.isascii():
            return None

        def signer(guest: GuestProtocol) -> OctKey:
            key, until_ms = self._keys.signing[guest.headers()["kid"]]
            if until_ms is not None and until_ms <= now_ms:
                raise KeyError("the key is retired")
            return key

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
            # Whatever strangers make up; the hypothesis test holds us to it.
            return None
        return found.claims

    def seal(self, purpose: str, text: str) -> str:
        """Return `text` encrypted; it opens for the same purpose only."""
        return jwe.encrypt_compact(dict(_SEAL), json.dumps([purpose, text]), self._keys.sealing)

    def unseal(self, purpose: str, sealed: str) -> str:
        """Return what was sealed.

        Raises:
            KeysError: it was sealed with another key or for another purpose.
        """
        try:
            plain = jwe.decrypt_compact(sealed, self._keys.sealing, algorithms=list(_SEAL.values()))
            found, text = json.loads(plain.plaintext or b"")
        except (JoseError, ValueError, TypeError) as exc:
            raise KeysError(f"{self._path.name} is not the one that sealed this") from exc
        if found != purpose or not isinstance(text, str):
            raise KeysError("sealed for another purpose")
        return text

    def rotate(self, now_ms: int, overlap_ms: int) -> None:
        """Sign with a new key from now on; blocks.

        Tokens of the old one are accepted for `overlap_ms`; 0 ends them at once.

        Raises:
            OSError: the disk refused; nothing has changed.
        """
        file = self._keys.file
        current, *older = file.signing
        retired = current.model_copy(update={"accepted_until_ms": now_ms + overlap_ms})
        kept = [
            each
            for each in (retired, *older)
            if overlap_ms and each.accepted_until_ms and each.accepted_until_ms > now_ms
        ]
        file = file.model_copy(update={"signing": (_new_signing_key(now_ms), *kept)})
        _write(self._path, file)
        self._keys = _Keys.of(file)


def _new_key() -> str:
    return str(OctKey.generate_key(256).as_dict(private=True)["k"])


def _new_signing_key(now_ms: int) -> SigningKey:
    return SigningKey(kid=secrets.token_urlsafe(9), k=_new_key(), created_ms=now_ms)


def _key(text: str) -> OctKey:
    return OctKey.import_key({"kty": "oct", "k": text})


def _write(path: Path, file: KeyFile) -> None:
    """Exchange the file: it is the old or the new one, whatever happens meanwhile."""
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
