"""Requests to AWS's query APIs, whose answers are XML.

Source: AWS documentation, "Query requests" of EC2 and of STS.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode
from xml.etree.ElementTree import Element, ParseError, fromstring

from model.clock import system_clock
from scraper.discovery.clouds.sigv4 import AccessKey, SignedRequest, signed_headers
from scraper.discovery.engine.api import ApiRequest, ApiStatusError, request
from scraper.discovery.groups import DiscoveryError
from scraper.fetching.http_access import HttpAccess
from scraper.fetching.http_session import HttpSession

STS_VERSION = "2011-06-15"
"""The version of STS's API."""
_FORM = ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")


@dataclass(frozen=True, slots=True)
class AwsService:
    """One of AWS's services in a region.

    Attributes:
        url: its endpoint.
        region: the region.
        name: the name that signatures contain.
        version: the version of its API.
        access: TLS and proxy.
    """

    url: str
    region: str
    name: str
    version: str
    access: HttpAccess

    async def call(
        self,
        session: HttpSession,
        key: AccessKey | None,
        action: str,
        parameters: Mapping[str, str] | None = None,
    ) -> Element:
        """Return the answer of an action, its names without namespaces.

        Args:
            session: sends the request.
            key: signs the request; None for actions without signature.
            action: the action.
            parameters: its parameters.

        Raises:
            DiscoveryError: the service cannot be reached, refuses, or sends garbage.
        """
        form = {"Action": action, "Version": self.version} | dict(parameters or {})
        body = urlencode(form).encode()
        headers: tuple[tuple[str, str], ...] = (_FORM,)
        if key is not None:
            wanted = SignedRequest("POST", self.url, self.region, self.name, headers, body)
            headers = tuple(signed_headers(wanted, key, system_clock()).items())
        try:
            answer = await request(
                session, ApiRequest(self.url, self.access, headers, method="POST", body=body)
            )
        except ApiStatusError as exc:
            raise DiscoveryError(f"{action}: {exc}") from exc
        return parse_xml(answer.body)


def service_url(name: str, region: str) -> str:
    """Return the URL of a service in a region."""
    # Regions in China have a domain of their own.
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return f"https://{name}.{region}.{domain}"


def parse_xml(body: bytes) -> Element:
    """Return a document without namespaces.

    Raises:
        DiscoveryError: it is not XML, or declares entities.
    """
    # XML entities let a small document expand without limit; AWS's answers declare none.
    if b"<!" in body:
        raise DiscoveryError("unexpected answer: XML with declarations")
    try:
        root = fromstring(body)  # noqa: S314 - without declarations nothing expands
    except (ParseError, ValueError) as exc:
        raise DiscoveryError(f"unexpected answer: not XML: {exc}") from exc
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def text_of(element: Element, path: str) -> str | None:
    """Return the text at a path, None if there is no such element."""
    found = element.find(path)
    return None if found is None else (found.text or "")


def items(element: Element, path: str) -> Iterator[Element]:
    """Yield the items of the list at a path."""
    yield from element.iterfind(f"{path}/item")
