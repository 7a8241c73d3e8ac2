"""Export and import of events as JSON lines, CSV and Parquet."""

from typing import Any

import orjson
import pytest

from storage.api.projects import ProjectRole
from tests.web.projects.tenants import Tenant, add_member, add_tenant, send
from tests.web.service_doubles import NOW_MS
from tests.web.world import World

FORMATS = ["jsonl", "csv", "parquet"]
HOSTILE = 'a "quoted", =1+1\r\n<b>\u202e 🐦 ,;\t\\'


async def shop(world: World) -> Tenant:
    """Add a project with a merged person and hostile texts."""
    tenant = await add_tenant(world, "ann")
    await send(
        world,
        tenant,
        {"eventName": "open", "anonymousId": "anon-1", "timestamp": NOW_MS - 5000},
        {"eventName": "open", "anonymousId": "anon-1", "userId": "ann", "timestamp": NOW_MS},
        {
            "eventName": HOSTILE,
            "userId": HOSTILE,
            "timestamp": NOW_MS,
            "properties": {HOSTILE: HOSTILE, "n": 1.5, "deep": {"a": [1, None, True]}},
        },
    )
    return tenant


async def export(world: World, tenant: Tenant, file_format: str, **query: str) -> bytes:
    answer = await world.client.get(
        f"{tenant.api}/export", params={"format": file_format, **query}, headers=tenant.token
    )
    assert answer.status == 200
    return await answer.read()


async def store(world: World, tenant: Tenant, file_format: str, body: bytes) -> Any:
    answer = await world.client.post(
        f"{tenant.api}/import", params={"format": file_format}, data=body, headers=tenant.token
    )
    return answer.status, await answer.json()


async def state(world: World, tenant: Tenant) -> Any:
    """Return persons and events of a project, as its users see them."""
    persons = {}
    for name in ("ann", "anon-1"):
        answer = await world.client.get(f"{tenant.api}/persons/{name}", headers=tenant.token)
        persons[name] = await answer.json()
    answer = await world.client.get(f"{tenant.api}/live", headers=tenant.token)
    events = (await answer.json())["events"]
    for event in events:
        event.pop("sequence")
    return persons, events


@pytest.mark.parametrize("file_format", FORMATS)
async def test_an_export_imports_elsewhere_as_it_was_and_only_once(
    world: World, file_format: str
) -> None:
    tenant = await shop(world)
    other = await add_tenant(world, "bob", "Copy")
    body = await export(world, tenant, file_format)
    expected = {"inserted": 3, "duplicates": 0, "refused": 0, "errors": []}
    assert await store(world, other, file_format, body) == (200, expected)
    assert await state(world, other) == await state(world, tenant)
    repeated = {"inserted": 0, "duplicates": 3, "refused": 0, "errors": []}
    assert await store(world, other, file_format, body) == (200, repeated)
    # The project that exported the events knows them too.
    assert await store(world, tenant, file_format, body) == (200, repeated)


@pytest.mark.parametrize("file_format", FORMATS)
async def test_lost_events_come_back_once(world: World, file_format: str) -> None:
    tenant = await shop(world)
    before = await state(world, tenant)
    body = await export(world, tenant, file_format)
    answer = await world.client.delete(f"{tenant.api}/persons/ann", headers=tenant.token)
    assert (await answer.json()) == {"deleted": 2}
    _, result = await store(world, tenant, file_format, body)
    assert (result["inserted"], result["duplicates"]) == (2, 1)
    persons, events = await state(world, tenant)
    assert persons == before[0]
    assert sorted(events, key=repr) == sorted(before[1], key=repr)


@pytest.mark.parametrize("file_format", FORMATS)
async def test_an_empty_project_exports_an_empty_file(world: World, file_format: str) -> None:
    tenant = await add_tenant(world, "ann")
    body = await export(world, tenant, file_format)
    _, result = await store(world, tenant, file_format, body)
    assert result == {"inserted": 0, "duplicates": 0, "refused": 0, "errors": []}


async def test_an_export_has_the_range_and_the_name_that_are_asked_for(world: World) -> None:
    tenant = await shop(world)
    lines = (await export(world, tenant, "jsonl", eventName="open")).splitlines()
    assert [orjson.loads(line)["eventName"] for line in lines] == ["open", "open"]
    first = orjson.loads(lines[0])
    lines = (await export(world, tenant, "jsonl", to=first["timestamp"])).splitlines()
    assert lines == []
    lines = (await export(world, tenant, "jsonl", **{"from": first["timestamp"]})).splitlines()
    assert len(lines) == 3


async def test_a_bad_row_is_named_and_the_others_are_kept(world: World) -> None:
    tenant = await add_tenant(world, "ann")
    rows = [{"eventName": "open", "distinctId": "a"}, {"eventName": "open"}, 7]
    body = b"\n".join(orjson.dumps(row) for row in rows)
    _, result = await store(world, tenant, "jsonl", body)
    assert (result["inserted"], result["refused"]) == (1, 2)
    assert [(one["index"], one["field"]) for one in result["errors"]] == [
        (1, "anonymousId"),
        (2, "event"),
    ]


@pytest.mark.parametrize(
    ("file_format", "body", "message"),
    [
        ("jsonl", b'{"eventName":"a","userId":"b"}\n{', "line 2"),
        ("csv", b"eventName,userId\na,b,c", "line 2"),
        ("csv", b"\xff", "UTF-8"),
        ("parquet", b"PAR1", "body"),
    ],
)
async def test_a_file_of_another_format_is_refused(
    world: World, file_format: str, body: bytes, message: str
) -> None:
    tenant = await add_tenant(world, "ann")
    status, answer = await store(world, tenant, file_format, body)
    assert status == 400
    assert message in answer["error"]


async def test_members_export_and_editors_import(world: World) -> None:
    tenant = await shop(world)
    viewer = await add_member(world, tenant, "eve", ProjectRole.VIEWER)
    stranger = await add_tenant(world, "bob", "Other")
    for sender, exported, imported in ((viewer, 200, 403), (stranger, 404, 404)):
        answer = await world.client.get(f"{tenant.api}/export", headers=sender.token)
        assert answer.status == exported
        answer = await world.client.post(f"{tenant.api}/import", headers=sender.token, data=b"")
        assert answer.status == imported
