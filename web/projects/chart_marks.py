"""Annotations on the charts of a project."""

from typing import Final

from typing_extensions import TypedDict

from storage.api.marks.annotations import AnnotationRecords
from storage.api.projects import Project
from web.http.routing import Access, Principal

_MOST_MARKS: Final = 200


class ChartMark(TypedDict):
    """An annotation for the chart's script; times are Unix milliseconds."""

    time: int
    timeEnd: int
    text: str


class ChartMarks:
    """Finds the annotations that a reader sees on a project's charts."""

    def __init__(self, annotations: AnnotationRecords) -> None:
        self._annotations = annotations

    async def between(
        self, reader: Principal, project: Project, start_ms: int, end_ms: int
    ) -> list[ChartMark]:
        """Return the newest annotations that touch a range, in order of time.

        These are the project's, and for viewers of the server also those that are about all
        hosts: a deploy that is posted once shows on host and project charts.
        """
        projects = [project.key]
        if reader.may(Access.VIEWER):
            projects.append("")
        found = [
            mark
            for key in projects
            for mark in await self._annotations.between(
                start_ms, end_ms - 1, project=key, instance="", limit=_MOST_MARKS
            )
        ]
        found.sort(key=lambda mark: (mark.start_ms, mark.id))
        return [
            ChartMark(time=mark.start_ms, timeEnd=mark.end_ms, text=mark.text) for mark in found
        ]
