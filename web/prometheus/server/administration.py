"""`/api/v1/admin/tsdb/…`: deletes series and copies the sample store.

The routes are off unless `web.enable_admin_api` is set, as in Prometheus.

Source: Prometheus documentation, "HTTP API", TSDB Admin APIs.
"""

import asyncio
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from aiohttp import web

from web.http.audit_trail import note
from web.http.errors import BadRequestError, ForbiddenError
from web.http.multipart import MULTIPART
from web.http.operations import Operation
from web.http.parameters import FORM
from web.http.routing import Access, Handler, Route, Surface
from web.prometheus.document_types import SnapshotData, Success
from web.prometheus.envelope import success_of
from web.prometheus.operations import DeletionParameters, SnapshotParameters
from web.prometheus.parameters import (
    EARLIEST_MS,
    LATEST_MS,
    boolean,
    invalid,
    read_parameters,
    selectors_parameter,
    time_parameter,
)
from web.services import Services
from web.settings import WebSettings

_PATH: Final = "/api/v1/admin/tsdb"


class AdministrationApi:
    """Deletes samples and takes snapshots."""

    def __init__(self, services: Services, settings: WebSettings) -> None:
        self._samples = services.sample_administration
        self._enabled = settings.enable_admin_api
        # One change after the other: each reads or writes whole files.
        self._turn = asyncio.Lock()

    def routes(self) -> tuple[Route, ...]:
        """Return the routes, each with POST and PUT."""
        tag, forms = "prometheus", (FORM, MULTIPART)
        delete = Operation(
            tag, body=DeletionParameters, status=HTTPStatus.NO_CONTENT, body_media_types=forms
        )
        clean = Operation(tag, status=HTTPStatus.NO_CONTENT)
        snapshot = Operation(
            tag, Success[SnapshotData], body=SnapshotParameters, body_media_types=forms
        )
        return (
            *_changes(f"{_PATH}/delete_series", self.delete_series, delete),
            *_changes(f"{_PATH}/clean_tombstones", self.clean_tombstones, clean),
            *_changes(f"{_PATH}/snapshot", self.snapshot, snapshot),
        )

    async def delete_series(self, request: web.Request) -> web.Response:
        """Delete the samples of series that match any selector."""
        self._check_enabled()
        parameters = await read_parameters(request)
        texts = parameters.getall("match[]", [])
        if not texts:
            raise BadRequestError("no match[] parameter provided", "match[]")
        start_ms = time_parameter(parameters, "start", EARLIEST_MS)
        end_ms = time_parameter(parameters, "end", LATEST_MS)
        try:
            selectors = selectors_parameter(parameters)
        except BadRequestError as exc:
            raise invalid("match[]", exc) from exc
        note(
            request,
            "series.delete",
            ", ".join(texts),
            start=parameters.get("start", ""),
            end=parameters.get("end", ""),
        )
        async with self._turn:
            await asyncio.to_thread(self._samples.delete_series, selectors, start_ms, end_ms)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def clean_tombstones(self, request: web.Request) -> web.Response:
        """Remove deleted samples from the disk."""
        self._check_enabled()
        note(request, "tombstones.clean")
        async with self._turn:
            await asyncio.to_thread(self._samples.clean_tombstones)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def snapshot(self, request: web.Request) -> web.Response:
        """Copy the sample store into a new directory, and return its name."""
        self._check_enabled()
        parameters = await read_parameters(request)
        skip_head = boolean(text := parameters.get("skip_head", ""))
        if skip_head is None:
            reason = f'strconv.ParseBool: parsing "{text}": invalid syntax'
            raise invalid("skip_head", f"unable to parse boolean: {reason}")
        async with self._turn:
            name = await asyncio.to_thread(self._samples.snapshot, skip_head=skip_head)
        note(request, "snapshot.create", name)
        return success_of({"name": name})

    def _check_enabled(self) -> None:
        if not self._enabled:
            raise ForbiddenError("admin APIs disabled: set web.enable_admin_api")


def _changes(path: str, handler: Handler, operation: Operation) -> Iterable[Route]:
    for method in ("POST", "PUT"):
        yield Route(method, path, handler, Access.ADMIN, Surface.PROMETHEUS, operation=operation)
