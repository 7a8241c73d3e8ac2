"""Saved reports: questions under a name, which pages and share links ask again."""

from collections.abc import Sequence
from typing import Any, Final

import orjson
from pydantic import ValidationError

from analytics.errors import ReportError
from analytics.product.definitions import DEFINITIONS, ReportDefinition, ReportKind
from analytics.product.questions import Questions
from model.clock import Clock
from storage.api.projects import Project
from storage.api.reports.saved_reports import SavedReport, SavedReportRecords

MOST_REPORTS: Final = 1000
LONGEST_REPORT_NAME: Final = 200
LARGEST_DEFINITION_BYTES: Final = 64 * 1024


def definition_of(kind: ReportKind, definition: Any) -> ReportDefinition:
    """Return a definition in JSON, validated.

    Raises:
        ReportError: the kind cannot be saved, or the definition is invalid; the error names
            the field.
    """
    model = DEFINITIONS.get(kind)
    if model is None:
        raise ReportError(f"must be one of {', '.join(DEFINITIONS)}", "kind")
    try:
        return model.model_validate(definition)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        place = "".join(
            f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"]
        )
        raise ReportError(first["msg"].removeprefix("Value error, "), "definition" + place) from exc


class SavedReports:
    """The saved reports of all projects."""

    def __init__(self, records: SavedReportRecords, questions: Questions, clock: Clock) -> None:
        self._records, self._questions, self._clock = records, questions, clock

    async def all(self, project: Project) -> Sequence[SavedReport]:
        """Return the saved reports of a project, by name."""
        return await self._records.of_project(project.id)

    async def find(self, project: Project, report_id: int) -> SavedReport | None:
        """Return a saved report of a project, None if it has no such report."""
        return await self._records.find(project.id, report_id)

    def definition(self, report: SavedReport) -> ReportDefinition:
        """Return the question of a saved report.

        Raises:
            ReportError: an earlier release has saved it, and it is no longer valid.
        """
        return definition_of(ReportKind(report.kind), orjson.loads(report.definition))

    async def save(
        self, project: Project, name: str, kind: ReportKind, definition: Any, author: str
    ) -> SavedReport:
        """Save a report.

        Raises:
            ReportError: the definition is invalid, or there are too many reports.
        """
        encoded = await self._encoded(project, kind, definition)
        if len(await self.all(project)) >= MOST_REPORTS:
            raise ReportError(f"the project has {MOST_REPORTS} saved reports; delete one", "name")
        return await self._records.add(project.id, name, kind.value, encoded, author, self._clock())

    async def change(
        self, project: Project, report: SavedReport, name: str, definition: Any, author: str
    ) -> SavedReport:
        """Replace name and definition of a saved report; the kind stays.

        Raises:
            ReportError: the definition is invalid.
            NotFoundError: the report has been removed.
        """
        encoded = await self._encoded(project, ReportKind(report.kind), definition)
        return await self._records.change(
            project.id, report.id, name, encoded, author, self._clock()
        )

    async def remove(self, project: Project, report_id: int) -> None:
        """Delete a saved report.

        Raises:
            NotFoundError: the project has no such report.
        """
        await self._records.remove(project.id, report_id)

    async def _encoded(self, project: Project, kind: ReportKind, definition: Any) -> str:
        """Return a definition as it is stored: without unknown fields and defaults."""
        found = definition_of(kind, definition)
        await self._questions.require_valid(project, found)
        encoded = found.model_dump_json(by_alias=True, exclude_unset=True)
        if len(encoded) > LARGEST_DEFINITION_BYTES:
            raise ReportError(f"is larger than {LARGEST_DEFINITION_BYTES} bytes", "definition")
        return encoded
