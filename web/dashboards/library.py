"""All dashboards: the stored ones, and those that Redshank ships."""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import orjson
from pydantic import ValidationError

from model.clock import Clock
from storage.api.dashboards.stored import (
    DashboardContent,
    DashboardRecords,
    DashboardSummary,
    DashboardVersion,
)
from storage.api.errors import CorruptDataError, NotFoundError
from web.dashboards.definition import Dashboard
from web.http.errors import ConflictError, MissingError

_FOLDER: Final = Path(__file__).parent / "shipped"
_TITLE: Final = 200
_FORMER_START: Final = "now-6h"
"""The start of a stored definition that has none: it was the default, which was not stored."""


class DashboardLibrary:
    """Reads and changes dashboards. Shipped ones are files, read at their first use."""

    def __init__(self, records: DashboardRecords, clock: Clock) -> None:
        self._records, self._clock = records, clock
        self._shipped: Mapping[str, tuple[DashboardSummary, Dashboard]] | None = None

    async def shipped(self) -> Mapping[str, tuple[DashboardSummary, Dashboard]]:
        """Return the shipped dashboards by uid."""
        if self._shipped is None:
            self._shipped = await asyncio.to_thread(_read_shipped)
        return self._shipped

    async def all(self) -> Sequence[tuple[DashboardSummary, bool]]:
        """Return all dashboards by title, each with whether it is shipped."""
        shipped = [(summary, True) for summary, _ in (await self.shipped()).values()]
        stored = [(summary, False) for summary in await self._records.all()]
        return sorted(shipped + stored, key=lambda one: (one[0].title.casefold(), one[0].uid))

    async def get(self, uid: str) -> tuple[DashboardSummary, Dashboard, bool]:
        """Return a dashboard, and whether it is shipped.

        Raises:
            MissingError: there is none with this uid.
        """
        shipped = (await self.shipped()).get(uid)
        if shipped is not None:
            return *shipped, True
        try:
            stored = await self._records.get(uid)
        except NotFoundError:
            raise MissingError(f"there is no dashboard {uid!r}") from None
        return stored.summary, _decoded(uid, stored.definition), False

    async def add(
        self, dashboard: Dashboard, author: str, message: str, uid: str | None = None
    ) -> DashboardSummary:
        """Store a new dashboard.

        Raises:
            ConflictError: a shipped one has its uid.
            TakenError: a stored one has its uid.
        """
        uid = uid or secrets.token_hex(6)
        await self._require_not_shipped(uid)
        content = _content(dashboard)
        return await self._records.add(uid, content, author, message, self._clock())

    async def change(
        self, uid: str, version: int, dashboard: Dashboard, author: str, message: str
    ) -> DashboardSummary:
        """Store a new version.

        Raises:
            ConflictError: the dashboard is shipped.
            NotFoundError: there is none with this uid.
            StaleVersionError: the newest version is another one.
        """
        await self._require_not_shipped(uid)
        content = _content(dashboard)
        return await self._records.change(uid, version, content, author, message, self._clock())

    async def remove(self, uid: str) -> None:
        """Delete a dashboard and its history.

        Raises:
            ConflictError: it is shipped.
            NotFoundError: there is none with this uid.
        """
        await self._require_not_shipped(uid)
        await self._records.remove(uid)

    async def duplicate(self, uid: str, title: str, author: str) -> DashboardSummary:
        """Store a copy.

        Raises:
            MissingError: there is none with this uid.
        """
        _, dashboard, _ = await self.get(uid)
        title = title or f"{dashboard.title[: _TITLE - 5]} copy"
        return await self.add(
            dashboard.model_copy(update={"title": title}), author, f"copy of {uid}"
        )

    async def history(self, uid: str) -> Sequence[DashboardVersion]:
        """Return the kept versions, the newest first; a shipped dashboard has one.

        Raises:
            NotFoundError: there is none with this uid.
        """
        shipped = (await self.shipped()).get(uid)
        if shipped is not None:
            return [DashboardVersion(1, shipped[0].title, "", "", 0)]
        return await self._records.history(uid)

    async def version(self, uid: str, version: int) -> Dashboard:
        """Return a kept version.

        Raises:
            NotFoundError: there is none with this uid, or no such version.
        """
        return _decoded(uid, await self._records.version(uid, version))

    async def _require_not_shipped(self, uid: str) -> None:
        if uid in await self.shipped():
            message = f"the dashboard {uid!r} is part of Redshank; duplicate it and change the copy"
            raise ConflictError(message, "uid")


def _content(dashboard: Dashboard) -> DashboardContent:
    # The start is always stored: its default has changed once.
    fields = dashboard.model_dump(mode="json", exclude_defaults=True) | {"start": dashboard.start}
    definition = orjson.dumps(fields).decode()
    return DashboardContent(dashboard.title, dashboard.tags, dashboard.panel_count, definition)


def _decoded(uid: str, definition: str) -> Dashboard:
    try:
        found = Dashboard.model_validate_json(definition)
    except ValidationError as exc:
        raise CorruptDataError(f"records.db: the dashboard {uid!r} does not decode: {exc}") from exc
    if "start" in found.model_fields_set:
        return found
    return found.model_copy(update={"start": _FORMER_START})


def _read_shipped() -> Mapping[str, tuple[DashboardSummary, Dashboard]]:
    found = {}
    for path in sorted(_FOLDER.glob("*.json")):
        dashboard = Dashboard.model_validate_json(path.read_bytes())
        empty = DashboardSummary(path.stem, 1, dashboard.title, dashboard.tags, 0, "", 0, 0)
        found[path.stem] = replace(empty, panels=dashboard.panel_count), dashboard
    return found
