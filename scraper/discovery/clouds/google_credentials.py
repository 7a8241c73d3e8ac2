"""Finds an access token for Google Cloud where its own programs find one.

Source: Google Cloud documentation, "How Application Default Credentials works", "Using
OAuth 2.0 for Server to Server Applications" and "Access tokens for Compute Engine".
"""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from pydantic import TypeAdapter, ValidationError

from model.clock import system_clock
from scraper.discovery.engine.api import ApiObject, ApiRequest, get, unexpected
from scraper.discovery.groups import DiscoveryError
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.http_session import HttpSession

_SCOPE = "https://www.googleapis.com/auth/compute.readonly"
_TOKEN_URL = "https://oauth2.googleapis.com/token"  # noqa: S105
_METADATA = "http://metadata.google.internal"
_FORM = ("Content-Type", "application/x-www-form-urlencoded")
_LIFETIME_S = 3600


class _Key(ApiObject):
    type: str = ""
    client_email: str = ""
    private_key: str = ""
    private_key_id: str = ""
    token_uri: str = _TOKEN_URL
    client_id: str = ""
    client_secret: str = ""
    refresh_token: str = ""


class _GoogleToken(ApiObject):
    access_token: str


_KEY = TypeAdapter(_Key)
_TOKEN = TypeAdapter(_GoogleToken)


@dataclass(frozen=True, slots=True)
class GoogleCredentials:
    """Application default credentials.

    Attributes:
        metadata: the URL of the metadata server.
    """

    metadata: str = _METADATA

    async def token(self, session: HttpSession) -> str:
        """Return an access token.

        Raises:
            DiscoveryError: there are no credentials, or Google refuses them.
        """
        file = await asyncio.to_thread(_file)
        if file is None:
            path = "/computeMetadata/v1/instance/service-accounts/default/token"
            host = os.environ.get("GCE_METADATA_HOST")
            base = f"http://{host}" if host else self.metadata
            wanted = ApiRequest(base + path, HttpAccess(), (("Metadata-Flavor", "Google"),))
            return (await get(session, wanted, _TOKEN)).access_token
        key = await asyncio.to_thread(_read, file)
        form = _form(key, file)
        wanted = ApiRequest(key.token_uri, HttpAccess(), (_FORM,), "POST", urlencode(form).encode())
        return (await get(session, wanted, _TOKEN)).access_token


def _file() -> Path | None:
    """Return the file with a key, None if there is none; blocks."""
    if name := os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
        return Path(name)
    known = Path.home() / ".config" / "gcloud" / "application_default_credentials.json"
    return known if known.exists() else None


def _read(file: Path) -> _Key:
    try:
        return _KEY.validate_json(file.read_bytes())
    except OSError as exc:
        raise DiscoveryError(f"cannot read {file}: {exc}") from exc
    except ValidationError as exc:
        raise DiscoveryError(f"{file}: {unexpected(exc)}") from exc


def _form(key: _Key, file: Path) -> dict[str, str]:
    """Return the form that asks for a token with a key."""
    match key.type:
        case "authorized_user":
            return {
                "grant_type": "refresh_token",
                "client_id": key.client_id,
                "client_secret": key.client_secret,
                "refresh_token": key.refresh_token,
            }
        case "service_account":
            # Imported here: the module takes longer to import than all of discovery.
            from joserfc import jwt
            from joserfc.errors import JoseError
            from joserfc.jwk import RSAKey

            now_s = system_clock() // 1000
            claims = {
                "iss": key.client_email,
                "scope": _SCOPE,
                "aud": key.token_uri,
                "iat": now_s,
                "exp": now_s + _LIFETIME_S,
            }
            header = {"alg": "RS256", "typ": "JWT", "kid": key.private_key_id}
            try:
                assertion = jwt.encode(header, claims, RSAKey.import_key(key.private_key))
            except (JoseError, ValueError) as exc:
                raise DiscoveryError(f"{file}: private_key: {exc}") from exc
            return {
                "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
                "assertion": assertion,
            }
    raise DiscoveryError(
        f'{file}: credentials of type "{key.type}" are not supported: give the key of a '
        "service account"
    )
