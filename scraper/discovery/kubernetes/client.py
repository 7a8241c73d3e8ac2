"""Requests to a Kubernetes API server: lists in pages, and watches.

Source: Kubernetes documentation, "Kubernetes API Concepts".
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson
from pydantic import ValidationError

from scraper.discovery.engine.api import ApiRequest, ApiStatusError, each_line, request, unexpected
from scraper.discovery.groups import DiscoveryError
from scraper.discovery.kubernetes.cluster import Cluster
from scraper.discovery.kubernetes.objects import KubernetesObject, object_key
from scraper.discovery.kubernetes.resources import Resource
from scraper.fetching.http_session import HttpSession

# Objects of one page, as kubectl asks for.
_PAGE_OBJECTS = 500
# The server ends a watch after this time, so that credentials and the load are renewed.
_WATCH_S = 300
_SPARE_S = 30.0
_GONE = 410


class GoneError(DiscoveryError):
    """The resource version is too old: the objects must be listed again."""


@dataclass(frozen=True, slots=True)
class ObjectSelector:
    """A selection of the objects of a resource."""

    label: str = ""
    field: str = ""

    def parameters(self) -> dict[str, str]:
        """Return the parameters of a request."""
        found = {"labelSelector": self.label, "fieldSelector": self.field}
        return {name: value for name, value in found.items() if value}


@dataclass(frozen=True, slots=True)
class Listing:
    """All objects of a resource at one time.

    Attributes:
        objects: the objects by key.
        version: the resource version, from which a watch continues.
        errors: what is wrong with each object that was left out.
    """

    objects: dict[str, KubernetesObject]
    version: str
    errors: Sequence[str]


@dataclass(frozen=True, slots=True)
class Event:
    """A change of one object.

    Attributes:
        kind: ADDED, MODIFIED, DELETED or BOOKMARK.
        version: the resource version after the change, "" if unknown.
        key: the key of the object, "" for a bookmark.
        found: the object; None if it was deleted, or is malformed.
        error: what is wrong with a malformed object.
    """

    kind: str
    version: str
    key: str = ""
    found: KubernetesObject | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class KubernetesClient:
    """Lists and watches the objects of one resource.

    Attributes:
        session: sends the requests.
        resource: the resource.
        namespace: restricts the objects; "" for all namespaces.
        selector: restricts the objects further.
    """

    session: HttpSession
    resource: Resource
    namespace: str = ""
    selector: ObjectSelector = ObjectSelector()

    async def list(self, cluster: Cluster) -> Listing:
        """Return all objects.

        Raises:
            GoneError: the list took so long that its version has expired.
            DiscoveryError: the API cannot be reached, or refuses.
        """
        objects: dict[str, KubernetesObject] = {}
        errors: list[str] = []
        token, version = "", ""
        while True:
            parameters = {"limit": str(_PAGE_OBJECTS)} | ({"continue": token} if token else {})
            try:
                answer = await request(self.session, self._request(cluster, parameters))
            except ApiStatusError as exc:
                raise (GoneError(str(exc)) if exc.status == _GONE else exc) from exc
            # 500 pods with long annotations take 30 ms.
            page = await asyncio.to_thread(_decode_page, answer.body, self.resource)
            objects |= page.objects
            errors += page.errors
            version, token = page.version, page.token
            if not token:
                return Listing(objects, version, errors)

    async def watch(self, cluster: Cluster, version: str, handle: Callable[[Event], None]) -> None:
        """Pass each change since a version to `handle`, until the server ends the watch.

        Raises:
            GoneError: the version has expired.
            DiscoveryError: the API cannot be reached, refuses, or sends garbage.
        """
        parameters = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(_WATCH_S),
        }
        wanted = self._request(cluster, parameters, _WATCH_S + _SPARE_S)
        try:
            await each_line(
                self.session, wanted, lambda line: handle(_decode_event(line, self.resource))
            )
        except ApiStatusError as exc:
            raise (GoneError(str(exc)) if exc.status == _GONE else exc) from exc

    def _request(
        self, cluster: Cluster, parameters: dict[str, str], timeout_s: float = _SPARE_S
    ) -> ApiRequest:
        query = urlencode(parameters | self.selector.parameters())
        url = f"{cluster.server}{self.resource.path(self.namespace)}?{query}"
        return ApiRequest(url, cluster.access, timeout_s=timeout_s)


@dataclass(frozen=True, slots=True)
class _ObjectPage:
    objects: dict[str, KubernetesObject]
    version: str
    token: str
    errors: list[str]


def _decode_page(body: bytes, resource: Resource) -> _ObjectPage:
    data = _parse(body)
    metadata = data.get("metadata")
    items = data.get("items") or []
    if not isinstance(metadata, dict) or not isinstance(items, list):
        raise DiscoveryError("unexpected answer: not a list of objects")
    objects: dict[str, KubernetesObject] = {}
    errors: list[str] = []
    for item in items:
        try:
            found = resource.adapter.validate_python(item)
        except ValidationError as exc:
            errors.append(unexpected(exc))
        else:
            objects[object_key(found.metadata)] = found
    return _ObjectPage(
        objects, _text(metadata, "resourceVersion"), _text(metadata, "continue"), errors
    )


def _decode_event(line: bytes, resource: Resource) -> Event:
    """Return the event of a line.

    Raises:
        GoneError: the event says that the version has expired.
        DiscoveryError: the event is another error, or no event.
    """
    data = _parse(line)
    kind, item = data.get("type"), data.get("object")
    if not isinstance(kind, str) or not isinstance(item, dict):
        raise DiscoveryError("unexpected answer: not an event of a watch")
    if kind == "ERROR":
        message = f"the watch failed: {_text(item, 'message') or _text(item, 'reason')}"
        gone = item.get("code") == _GONE or item.get("reason") in ("Expired", "Gone")
        raise GoneError(message) if gone else DiscoveryError(message)
    metadata = item.get("metadata")
    version = _text(metadata, "resourceVersion") if isinstance(metadata, dict) else ""
    if kind == "BOOKMARK":
        return Event(kind, version)
    try:
        found = resource.adapter.validate_python(item)
    except ValidationError as exc:
        return Event(kind, version, error=unexpected(exc))
    key = object_key(found.metadata)
    return Event(kind, version, key, None if kind == "DELETED" else found)


def _parse(body: bytes) -> dict[str, Any]:
    try:
        data = orjson.loads(body)
    except ValueError as exc:
        raise DiscoveryError(f"the answer is not JSON: {exc}") from exc
    if not isinstance(data, dict):
        raise DiscoveryError("unexpected answer: not an object")
    return data


def _text(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    return value if isinstance(value, str) else ""
