import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage.api.errors import NotFoundError
from storage.api.marks.annotations import Annotation, NewAnnotation
from storage.records.annotations import SqliteAnnotations
from storage.records.store import Records


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[Records]:
    records = Records(tmp_path / "records.db")
    await asyncio.to_thread(records.open)
    yield records
    await asyncio.to_thread(records.close)


def new(
    start_ms: int,
    end_ms: int | None = None,
    text: str = "",
    instance: str = "",
    project: str = "",
) -> NewAnnotation:
    end_ms = start_ms if end_ms is None else end_ms
    return NewAnnotation(start_ms, end_ms, text, instance=instance, project=project)


async def texts(records: Records, start_ms: int, end_ms: int, **others: object) -> list[str]:
    chosen = {"project": "", "instance": None, "limit": 100} | others
    found = await records.annotations.between(start_ms, end_ms, **chosen)  # type: ignore[arg-type]
    return [annotation.text for annotation in found]


async def test_annotation_is_stored_as_it_was_given(records: Records) -> None:
    given = NewAnnotation(1, 5, "Release", ("deploy", "é"), "web-1", "shop", "ann")
    added = await records.annotations.add(given, 7)
    assert added == Annotation(1, 5, "Release", ("deploy", "é"), "web-1", "shop", "ann", 1, 7)
    assert await records.annotations.get(1) == added


async def test_range_finds_what_touches_it_in_order(records: Records) -> None:
    for annotation in (
        *(new(30, text="after"), new(20, text="end"), new(5, 12, "over start")),
        *(new(1, 100, "around"), new(9, text="before")),
    ):
        await records.annotations.add(annotation, 0)
    assert await texts(records, 10, 20) == ["around", "over start", "end"]
    assert await texts(records, 10, 20, limit=1) == ["end"]


async def test_annotations_of_hosts_and_projects_are_kept_apart(records: Records) -> None:
    await records.annotations.add(new(1, text="all"), 0)
    await records.annotations.add(new(2, text="web-1", instance="web-1"), 0)
    await records.annotations.add(new(3, text="db-1", instance="db-1"), 0)
    await records.annotations.add(new(4, text="shop", project="shop"), 0)
    assert await texts(records, 0, 9) == ["all", "web-1", "db-1"]
    assert await texts(records, 0, 9, instance="web-1") == ["all", "web-1"]
    assert await texts(records, 0, 9, project="shop") == ["shop"]


async def test_tag_selects(records: Records) -> None:
    await records.annotations.add(NewAnnotation(1, 1, "a", ("deploy", "x")), 0)
    await records.annotations.add(NewAnnotation(2, 2, "b", ("deployment",)), 0)
    assert await texts(records, 0, 9, tag="deploy") == ["a"]


async def test_removed_annotation_is_gone_and_its_id_does_not_come_back(records: Records) -> None:
    added = await records.annotations.add(new(1), 0)
    await records.annotations.remove(added.id)
    with pytest.raises(NotFoundError):
        await records.annotations.get(added.id)
    with pytest.raises(NotFoundError):
        await records.annotations.remove(added.id)
    assert (await records.annotations.add(new(1), 0)).id == added.id + 1


async def test_the_oldest_beyond_the_limit_are_deleted(records: Records) -> None:
    few = SqliteAnnotations(records.annotations._database, most=2)
    for number in range(4):
        await few.add(new(number, text=str(number)), 0)
    assert await texts(records, 0, 9) == ["2", "3"]
