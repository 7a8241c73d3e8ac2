"""Annotations: what happened when, such as a deploy, drawn as marks on charts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class NewAnnotation:
    """A moment or a stretch of time with a text.

    Attributes:
        start_ms, end_ms: equal for a moment.
        text: what happened.
        tags: for filtering.
        instance: the host that it is about; "" for all.
        project: the key of the project that it is about; "" for none.
        author: the name of the user.
    """

    start_ms: int
    end_ms: int
    text: str
    tags: tuple[str, ...] = ()
    instance: str = ""
    project: str = ""
    author: str = ""


@dataclass(frozen=True, slots=True)
class Annotation(NewAnnotation):
    """A stored annotation."""

    id: int = 0
    created_ms: int = 0


class AnnotationRecords(Protocol):
    """The annotations."""

    async def add(self, annotation: NewAnnotation, now_ms: int) -> Annotation:
        """Store an annotation; beyond the limit of all, the oldest are deleted."""

    async def get(self, annotation_id: int) -> Annotation:
        """Return an annotation.

        Raises:
            NotFoundError: none has this id.
        """

    async def remove(self, annotation_id: int) -> None:
        """Delete an annotation.

        Raises:
            NotFoundError: none has this id.
        """

    async def between(
        self,
        start_ms: int,
        end_ms: int,
        *,
        project: str,
        instance: str | None,
        limit: int,
        tag: str | None = None,
    ) -> Sequence[Annotation]:
        """Return the newest annotations that touch a range, in order of time.

        Args:
            start_ms: the start of the range.
            end_ms: its end, included.
            project: the key of the project; "" for those that are about none.
            instance: only those about this host or about all; None for those of every host.
            limit: the most annotations.
            tag: only those with this tag.
        """
