"""An API server with the lists and watches of Kubernetes.

Written from the Kubernetes documentation, "Kubernetes API Concepts".
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer

Object = dict[str, Any]

_KINDS = {
    "nodes": "Node",
    "pods": "Pod",
    "services": "Service",
    "endpoints": "Endpoints",
    "endpointslices": "EndpointSlice",
    "ingresses": "Ingress",
}

_PATHS = {
    "/api/v1": ("nodes", "pods", "services", "endpoints"),
    "/apis/discovery.k8s.io/v1": ("endpointslices",),
    "/apis/networking.k8s.io/v1": ("ingresses",),
}


def metadata(name: str, namespace: str = "default", **more: Any) -> Object:
    scope = {"namespace": namespace} if namespace else {}
    return {"name": name, **scope, "uid": f"uid-{name}", "creationTimestamp": None, **more}


@dataclass
class FakeCluster:
    """Objects by resource, with a history of events.

    Attributes:
        tokens: accepted bearer tokens; empty to accept every request.
        oldest: versions below are answered with 410.
        requests: the path and parameters of each request.
        page_objects: most objects of a page.
        garbage: lines to send to each new watch before its events.
    """

    tokens: set[str] = field(default_factory=set)
    oldest: int = 0
    requests: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    page_objects: int = 500
    garbage: list[bytes] = field(default_factory=list)
    failing: bool = False
    _version: int = 100
    _objects: dict[str, dict[str, Object]] = field(default_factory=dict)
    _events: list[tuple[int, str, str, Object]] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _generation: int = 0

    def put(self, resource: str, *objects: Object) -> None:
        for each in objects:
            known = self._objects.setdefault(resource, {})
            kind = "MODIFIED" if _key(each) in known else "ADDED"
            known[_key(each)] = each
            self._event(resource, kind, each)

    def delete(self, resource: str, key: str) -> None:
        self._event(resource, "DELETED", self._objects[resource].pop(key))

    def forget(self, resource: str, key: str) -> None:
        """Delete without an event, as if it had expired."""
        del self._objects[resource][key]

    def bookmark(self, resource: str) -> None:
        """Move every watch of a resource on to a new version."""
        self._event(resource, "BOOKMARK", {"kind": "Pod", "metadata": {"name": ""}})

    def expire(self) -> None:
        """Forget all versions, and end all watches with the error Expired."""
        self._version += 1
        self.oldest = self._version
        self._event("*", "ERROR", {"kind": "Status", "code": 410, "reason": "Expired"})

    def disconnect(self) -> None:
        """End all watches."""
        self._generation += 1
        self._wake()

    def _event(self, resource: str, kind: str, each: Object) -> None:
        self._version += 1
        version = next(
            (
                group.removeprefix("/apis/").removeprefix("/api/")
                for group, of in _PATHS.items()
                if resource in of
            ),
            "v1",
        )
        named = {"kind": _KINDS.get(resource, ""), "apiVersion": version}
        each = {**named, **each, "metadata": {**each.get("metadata", {})}}
        each["metadata"]["resourceVersion"] = str(self._version)
        self._events.append((self._version, resource, kind, each))
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def serving(self, port: int | None = None) -> AsyncIterator[str]:
        """Serve the API; yield its URL."""
        app = web.Application()
        for group, resources in _PATHS.items():
            for resource in resources:
                for path in (f"{group}/{resource}", f"{group}/namespaces/{{ns}}/{resource}"):
                    app.router.add_get(path, self._answer)
        server = TestServer(app, port=port)
        await server.start_server(shutdown_timeout=0.1)
        try:
            yield str(server.make_url("")).rstrip("/")
        finally:
            self.disconnect()
            await server.close()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.path, dict(request.query)))
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.tokens and token not in self.tokens:
            return web.json_response({"kind": "Status", "code": 401}, status=401)
        if self.failing:
            return web.json_response({"kind": "Status", "code": 500}, status=500)
        resource = request.path.rpartition("/")[2]
        if request.query.get("watch") in ("1", "true"):
            return await self._watch(request, resource)
        return self._list(request, resource)

    def _list(self, request: web.Request, resource: str) -> web.Response:
        objects = sorted(self._objects.get(resource, {}).items())
        start = request.query.get("continue", "")
        found = [each for key, each in objects if key > start and _matches(request, each)]
        keys = [key for key, each in objects if key > start and _matches(request, each)]
        limit = min(int(request.query.get("limit") or 500), self.page_objects)
        more = {"continue": keys[limit - 1]} if len(keys) > limit else {}
        return web.json_response(
            {
                "kind": f"{_KINDS[resource]}List",
                "apiVersion": request.path.removeprefix("/apis/")
                .removeprefix("/api/")
                .partition("/namespaces")[0]
                .removesuffix(f"/{resource}"),
                "metadata": {"resourceVersion": str(self._version)} | more,
                "items": found[:limit] or None,
            }
        )

    async def _watch(self, request: web.Request, resource: str) -> web.StreamResponse:
        if "sendInitialEvents" in request.query:
            # As servers before 1.27: the client lists instead.
            refusal: Object = {"kind": "Status", "apiVersion": "v1", "status": "Failure"}
            refusal |= {"reason": "Invalid", "code": 422}
            return web.json_response(refusal, status=422)
        since = int(request.query.get("resourceVersion") or 0)
        if since < self.oldest:
            return web.json_response({"kind": "Status", "code": 410}, status=410)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        with suppress(ConnectionError):
            await self._send_events(request, response, resource, since)
            await response.write_eof()
        return response

    async def _send_events(
        self, request: web.Request, response: web.StreamResponse, resource: str, since: int
    ) -> None:
        """Send all events after a version, until `disconnect`."""
        generation, position = self._generation, 0
        for garbage in self.garbage:
            await response.write(garbage + b"\n")
        while generation == self._generation:
            changed = self._changed
            for version, of, kind, each in self._events[position:]:
                if version > since and of in (resource, "*") and _matches(request, each, kind):
                    line = json.dumps({"type": kind, "object": each}) + "\n"
                    await response.write(line.encode())
            position = len(self._events)
            await changed.wait()


def _key(each: Object) -> str:
    meta = each["metadata"]
    return f"{meta['namespace']}/{meta['name']}" if "namespace" in meta else str(meta["name"])


def _matches(request: web.Request, each: Object, kind: str = "") -> bool:
    if kind in ("BOOKMARK", "ERROR"):
        return True
    namespace = request.match_info.get("ns")
    if namespace and each["metadata"].get("namespace") != namespace:
        return False
    labels = each["metadata"].get("labels") or {}
    wanted = [part.split("=") for part in request.query.get("labelSelector", "").split(",") if part]
    return all(labels.get(name) == value for name, value in wanted)
