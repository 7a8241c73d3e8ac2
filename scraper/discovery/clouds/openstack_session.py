"""A session with OpenStack's identity service: a token and the endpoints of services.

Source: OpenStack documentation, "Identity API v3", Password authentication, Application
credentials, and Service catalog.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import TypeAdapter

from scraper.discovery.engine.api import ApiObject, ApiRequest, decode, get, request
from scraper.discovery.groups import DiscoveryError
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.http_session import HttpSession

T = TypeVar("T")

_JSON = ("Content-Type", "application/json")
_MAX_PAGES = 1000


@dataclass(frozen=True, slots=True)
class OpenStackAccount:
    """The credentials of a user, or of an application.

    Attributes:
        url: the URL of the identity service.
        username, user_id, password: the user.
        project_name, project_id: the project that the token is for.
        domain_name, domain_id: the domain of the user and of a project by name.
        application_name, application_id, application_secret: an application credential.
    """

    url: str
    username: str = ""
    user_id: str = ""
    password: str = field(default="", repr=False)
    project_name: str = ""
    project_id: str = ""
    domain_name: str = ""
    domain_id: str = ""
    application_name: str = ""
    application_id: str = ""
    application_secret: str = field(default="", repr=False)

    def body(self) -> bytes:
        """Return the body of the request for a token."""
        domain = {"id": self.domain_id} if self.domain_id else {"name": self.domain_name}
        user: dict[str, Any] = {"id": self.user_id}
        if not self.user_id:
            user = {"name": self.username, "domain": domain}
        if self.application_id or self.application_name:
            application: dict[str, Any] = {"secret": self.application_secret}
            if self.application_id:
                application["id"] = self.application_id
            else:
                application |= {"name": self.application_name, "user": user}
            identity: dict[str, Any] = {
                "methods": ["application_credential"],
                "application_credential": application,
            }
            # An application credential belongs to one project.
            return json.dumps({"auth": {"identity": identity}}).encode()
        user["password"] = self.password
        auth: dict[str, Any] = {"identity": {"methods": ["password"], "password": {"user": user}}}
        if self.project_id:
            auth["scope"] = {"project": {"id": self.project_id}}
        elif self.project_name:
            auth["scope"] = {"project": {"name": self.project_name, "domain": domain}}
        return json.dumps({"auth": auth}).encode()

    def token_url(self) -> str:
        """Return the URL of tokens, in version 3 of the API."""
        return re.sub(r"/v[23](\.0)?$", "", self.url.rstrip("/")) + "/v3/auth/tokens"


class _CatalogEndpoint(ApiObject):
    interface: str = ""
    region: str = ""
    region_id: str = ""
    url: str = ""


class _CatalogService(ApiObject):
    type: str = ""
    endpoints: tuple[_CatalogEndpoint, ...] = ()


class _IdentityToken(ApiObject):
    catalog: tuple[_CatalogService, ...] = ()


class _TokenAnswer(ApiObject):
    token: _IdentityToken


class _Link(ApiObject):
    rel: str = ""
    href: str = ""


_TOKEN = TypeAdapter(_TokenAnswer)
_PAGE = TypeAdapter(dict[str, Any])
_LINKS = TypeAdapter(list[_Link] | None)


@dataclass(frozen=True, slots=True)
class OpenStackSession:
    """A token with its catalog.

    Attributes:
        session: sends the requests.
        access: TLS and proxy.
        region: the region of the endpoints, "" for any.
        availability: which endpoints are used: public, internal or admin.
    """

    session: HttpSession
    access: HttpAccess
    region: str
    availability: str
    token: str = field(repr=False)
    catalog: tuple[_CatalogService, ...]

    def endpoint(self, *kinds: str) -> str:
        """Return the URL of a service of one of these types, without a slash at the end.

        Raises:
            DiscoveryError: the catalog has none.
        """
        for service in self.catalog:
            for each in service.endpoints if service.type in kinds else ():
                if each.interface == self.availability and self.region in (
                    "",
                    each.region_id,
                    each.region,
                ):
                    return each.url.rstrip("/")
        raise DiscoveryError(
            f"the catalog has no {self.availability} endpoint of {kinds[0]} "
            f'in the region "{self.region}"'
        )

    async def all(self, url: str, name: str, adapter: TypeAdapter[list[T]]) -> list[T]:
        """Return the objects of all pages of a list.

        Args:
            url: the first page.
            name: the member with the objects.
            adapter: reads them.

        Raises:
            DiscoveryError: the service cannot be reached, refuses, or sends garbage.
        """
        found: list[T] = []
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}/"
        for _ in range(_MAX_PAGES):
            # The token must not go to another server.
            if not url.startswith(origin):
                raise DiscoveryError(f"unexpected answer: the next page is at {url}")
            wanted = ApiRequest(url, self.access, (("X-Auth-Token", self.token),))
            page = await get(self.session, wanted, _PAGE)
            objects: list[T] = await decode(adapter, json.dumps(page.get(name)).encode())
            found += objects
            links = await decode(_LINKS, json.dumps(page.get(f"{name}_links")).encode())
            url = next((link.href for link in links or () if link.rel == "next"), "")
            if not url:
                return found
        raise DiscoveryError(f"unexpected answer: the list of {name} does not end")


async def log_in(
    session: HttpSession,
    account: OpenStackAccount,
    access: HttpAccess,
    region: str,
    availability: str,
) -> OpenStackSession:
    """Get a token.

    Raises:
        DiscoveryError: the credentials are refused.
    """
    wanted = ApiRequest(account.token_url(), access, (_JSON,), "POST", account.body())
    answer = await request(session, wanted)
    token = answer.headers.get("X-Subject-Token")
    if not token:
        raise DiscoveryError("unexpected answer: the identity service sent no token")
    catalog = (await decode(_TOKEN, answer.body)).token.catalog
    return OpenStackSession(session, access, region, availability, token, catalog)
