"""Gets access tokens for Azure Resource Manager.

Source: Microsoft documentation, "OAuth 2.0 client credentials flow on the Microsoft
identity platform" and "Use managed identities to acquire an access token".
"""

import asyncio
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlencode

from pydantic import TypeAdapter

from scraper.discovery.engine.api import ApiObject, ApiRequest, get
from scraper.discovery.groups import DiscoveryError
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.http_session import HttpSession

AzureMethod = Literal["OAuth", "ManagedIdentity", "SDK"]

_METADATA = "http://169.254.169.254"
_FORM = ("Content-Type", "application/x-www-form-urlencoded")
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class _AzureToken(ApiObject):
    access_token: str


_TOKEN = TypeAdapter(_AzureToken)


@dataclass(frozen=True, slots=True)
class AzureCredentials:
    """How access tokens are got.

    Attributes:
        method: with a client's secret, by the identity of this machine, or as Azure's
            own programs look for credentials: environment, then workload identity, then
            the identity of the machine.
        tenant_id, client_id, client_secret: the client.
        metadata: the URL of the instance metadata service.
    """

    method: AzureMethod
    tenant_id: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    metadata: str = _METADATA

    async def token(
        self, session: HttpSession, login: str, resource: str, access: HttpAccess
    ) -> str:
        """Return an access token.

        Args:
            session: sends the request.
            login: the URL of the identity platform.
            resource: the URL of the API that the token is for.
            access: TLS and proxy.

        Raises:
            DiscoveryError: the credentials are refused.
        """
        if self.method == "OAuth":
            client = self.client_id, {"client_secret": self.client_secret}
            return await _of_client(session, login, resource, access, self.tenant_id, *client)
        if self.method == "SDK":
            tenant = self.tenant_id or os.environ.get("AZURE_TENANT_ID", "")
            identifier = os.environ.get("AZURE_CLIENT_ID", "")
            if tenant and identifier and (proof := await _proof_of_environment()):
                return await _of_client(session, login, resource, access, tenant, identifier, proof)
        return await self._of_machine(session, resource)

    async def _of_machine(self, session: HttpSession, resource: str) -> str:
        query = {"api-version": "2018-02-01", "resource": f"{resource}/"}
        query |= {"client_id": self.client_id} if self.client_id else {}
        url = f"{self.metadata}/metadata/identity/oauth2/token?{urlencode(query)}"
        wanted = ApiRequest(url, HttpAccess(), (("Metadata", "true"),))
        return (await get(session, wanted, _TOKEN)).access_token


async def _proof_of_environment() -> dict[str, str]:
    """Return the form members that prove the client's identity; none if there are none."""
    if secret := os.environ.get("AZURE_CLIENT_SECRET"):
        return {"client_secret": secret}
    if name := os.environ.get("AZURE_FEDERATED_TOKEN_FILE"):
        try:
            assertion = await asyncio.to_thread(Path(name).read_text, encoding="utf-8")
        except (OSError, UnicodeDecodeError) as exc:
            raise DiscoveryError(f"cannot read {name}: {exc}") from exc
        return {"client_assertion_type": _ASSERTION, "client_assertion": assertion.strip()}
    return {}


async def _of_client(
    session: HttpSession,
    login: str,
    resource: str,
    access: HttpAccess,
    tenant_id: str,
    client_id: str,
    proof: dict[str, str],
) -> str:
    form = {"grant_type": "client_credentials", "client_id": client_id}
    form |= {"scope": f"{resource}/.default"} | proof
    url = f"{login}/{quote(tenant_id, safe='')}/oauth2/v2.0/token"
    wanted = ApiRequest(url, access, (_FORM,), "POST", urlencode(form).encode())
    return (await get(session, wanted, _TOKEN)).access_token
