"""Incidents of status pages: opened by editors or by the server, updated, resolved."""

from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints

from model.base_models import DeferredModel
from storage.api.status.pages import Incident, IncidentUpdate
from web.http.errors import BadRequestError
from web.status_pages.board import StatusBoard
from web.status_pages.definition import ComponentId

IncidentState = Literal["investigating", "identified", "monitoring", "resolved"]
STATES: Final = ("investigating", "identified", "monitoring", "resolved")
IMPACTS: Final = ("minor", "major", "critical")
_Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=5000)]


class UpdateForm(DeferredModel):
    """An update of an incident."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    state: IncidentState
    text: _Text


class IncidentForm(UpdateForm):
    """A new incident with its first update."""

    state: IncidentState = "investigating"
    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    impact: Literal["minor", "major", "critical"] = "major"
    components: Annotated[list[ComponentId], Field(max_length=200)] = Field(default_factory=list)


class Incidents:
    """Opens and updates the incidents of pages."""

    def __init__(self, board: StatusBoard) -> None:
        self._board = board

    async def open(
        self, slug: str, form: IncidentForm, author: str, *, is_automatic: bool = False
    ) -> Incident:
        """Store a new incident.

        Raises:
            NotFoundError: there is no such page.
            BadRequestError: the page has no such component.
            TooManyPagesError: the page has too many incidents.
        """
        page = (await self._board.get(slug)).page
        known = {one.id for one in page.components}
        if unknown := set(form.components) - known:
            raise BadRequestError(f"components: the page has no component {min(unknown)}")
        now_ms = self._board.clock()
        resolved_ms = now_ms if form.state == "resolved" else None
        incident = Incident(
            0,
            slug,
            form.title,
            form.impact,
            form.state,
            tuple(form.components),
            now_ms,
            resolved_ms,
            is_automatic,
        )
        update = IncidentUpdate(form.state, form.text, author, now_ms)
        incident_id = await self._board.records.add_incident(incident, update)
        self._board.forget_snapshot(slug)
        return await self._board.records.incident(slug, incident_id)

    async def update(self, slug: str, incident_id: int, form: UpdateForm, author: str) -> Incident:
        """Store an update; with the state resolved, the incident ends.

        Raises:
            NotFoundError: there is no such page or incident.
        """
        now_ms = self._board.clock()
        update = IncidentUpdate(form.state, form.text, author, now_ms)
        resolved_ms = now_ms if form.state == "resolved" else None
        await self._board.records.add_update(slug, incident_id, update, resolved_ms)
        self._board.forget_snapshot(slug)
        return await self._board.records.incident(slug, incident_id)

    async def remove(self, slug: str, incident_id: int) -> None:
        """Delete an incident with its updates.

        Raises:
            NotFoundError: there is no such page or incident.
        """
        await self._board.records.remove_incident(slug, incident_id)
        self._board.forget_snapshot(slug)
