"""JSON documents of annotations, with the names of Grafana's API."""

# pydantic describes the standard library's TypedDict from Python 3.12 on only.
from typing_extensions import TypedDict

from storage.api.marks.annotations import Annotation


class AnnotationDocument(TypedDict):
    """An annotation; times are Unix milliseconds, and `timeEnd` equals `time` for a moment.

    `host` is the `instance` of a host, "" for all; `project` a `projectKey`, "" for none.
    """

    id: int
    time: int
    timeEnd: int
    text: str
    tags: list[str]
    host: str
    project: str
    author: str
    created: int


def annotation_document(annotation: Annotation) -> AnnotationDocument:
    """Return an annotation."""
    return {
        "id": annotation.id,
        "time": annotation.start_ms,
        "timeEnd": annotation.end_ms,
        "text": annotation.text,
        "tags": list(annotation.tags),
        "host": annotation.instance,
        "project": annotation.project,
        "author": annotation.author,
        "created": annotation.created_ms,
    }
