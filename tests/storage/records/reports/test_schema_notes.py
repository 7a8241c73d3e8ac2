import pytest

from storage.api.errors import NotFoundError
from storage.api.projects import Project, ProjectSettings
from storage.api.reports.schema_notes import NoteKind, SchemaNote, SchemaNoteChange
from storage.records.store import Records

EVENT, PROPERTY = NoteKind.EVENT, NoteKind.PROPERTY


async def project(records: Records, key: str = "k1") -> Project:
    return await records.projects.add(key, ProjectSettings("Shop"), None, 1)


async def test_change_keeps_what_it_does_not_name(records: Records) -> None:
    shop, notes = await project(records), records.schema_notes
    await notes.change(shop.id, [SchemaNoteChange(EVENT, "buy", "paid")], "ann", 10)
    await notes.change(shop.id, [SchemaNoteChange(EVENT, "buy", is_hidden=True)], "bob", 20)
    assert await notes.of_project(shop.id) == [
        SchemaNote(EVENT, "buy", "paid", is_hidden=True, author="bob", changed_ms=20)
    ]


async def test_event_and_property_of_one_name_are_two_notes(records: Records) -> None:
    shop, notes = await project(records), records.schema_notes
    changes = [SchemaNoteChange(PROPERTY, "plan", "b"), SchemaNoteChange(EVENT, "plan", "a")]
    await notes.change(shop.id, changes, "ann", 10)
    assert [(each.kind, each.description) for each in await notes.of_project(shop.id)] == [
        (EVENT, "a"),
        (PROPERTY, "b"),
    ]


async def test_note_that_says_nothing_any_more_is_deleted(records: Records) -> None:
    shop, notes = await project(records), records.schema_notes
    await notes.change(shop.id, [SchemaNoteChange(EVENT, "buy", "paid", is_hidden=True)], "ann", 10)
    await notes.change(shop.id, [SchemaNoteChange(EVENT, "buy", "", is_hidden=False)], "ann", 20)
    assert await notes.of_project(shop.id) == []


async def test_notes_belong_to_their_project_and_go_with_it(records: Records) -> None:
    shop, blog = await project(records), await project(records, "k2")
    notes = records.schema_notes
    await notes.change(shop.id, [SchemaNoteChange(EVENT, "buy", "paid")], "ann", 10)
    assert await notes.of_project(blog.id) == []
    await records.projects.remove(shop.id)
    assert await notes.of_project(shop.id) == []
    with pytest.raises(NotFoundError):
        await notes.change(shop.id, [SchemaNoteChange(EVENT, "buy", "paid")], "ann", 10)
