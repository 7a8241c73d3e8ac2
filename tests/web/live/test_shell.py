"""The frame around every page."""

from collections.abc import Hashable

import pytest

from model.conditions import DISK_SLOW, SAMPLES_UNWRITABLE
from model.targets import Health
from storage.api.accounts import FULL_SCOPES, Credential, CredentialKind, Role, Scope, User
from tests.web.live.client import PATH, received
from tests.web.service_doubles import target_status
from tests.web.world import World
from web.http.routing import ANONYMOUS, Access, Principal, nameless
from web.live.shared_regions import RenderRegion, SharedRegion, SharedRegions


async def test_every_page_has_a_banner_while_a_condition_holds(world: World) -> None:
    assert 'id="conditions" class="conditions" data-region role="alert" hidden' in (
        await world.page("/explore")
    )
    world.services.conditions.set(SAMPLES_UNWRITABLE, "journal.db: <full>")
    world.services.conditions.set(DISK_SLOW)
    for path in ("/", "/alerts", "/explore", "/targets", "/account"):
        text = await world.page(path)
        assert "<strong>The server cannot write samples to its disk</strong>" in text
        assert "journal.db: &lt;full&gt;" in text
        assert "Free space on the disk of the data directory" in text
        assert "takes seconds for each write" in text


@pytest.fixture
def regions(monkeypatch: pytest.MonkeyPatch) -> list[Hashable]:
    """The keys of the regions that open pages show, one for each page."""
    keys: list[Hashable] = []
    original = SharedRegions.of

    def of(self: SharedRegions, key: Hashable, render: RenderRegion) -> SharedRegion:
        keys.append(key)
        return original(self, key, render)

    monkeypatch.setattr(SharedRegions, "of", of)
    return keys


async def test_open_pages_are_shared_by_readers_with_the_same_rights_only(
    world: World, regions: list[Hashable]
) -> None:
    readers = (
        await world.cookie(Role.VIEWER),
        await world.bearer(Role.VIEWER),
        await world.cookie(Role.EDITOR),
        {**await world.cookie(Role.VIEWER), "Accept-Language": "de"},
    )
    for headers in readers:
        async with world.client.ws_connect(PATH, headers=headers) as socket:
            await socket.send_json({"type": "subscribe", "id": "page", "page": "/live/hosts"})
            await received(socket, "region")
    session, token, editor, german = regions
    assert session == token
    assert len({session, editor, german}) == 3
    assert "the-viewer" not in repr(session)


async def test_rows_that_arrive_live_are_in_the_readers_language_rendered_once_for_each(
    world: World, regions: list[Hashable]
) -> None:
    session = await world.cookie(Role.EDITOR)
    for chosen, of_browser, before, after, reason in (
        ("de", "en", "Online", "Offline", "Verbindung abgelehnt"),
        ("", "de", "Online", "Offline", "Verbindung abgelehnt"),
        ("", "es", "Activo", "Caído", "conexión rechazada"),
    ):
        headers = {**session, "Accept-Language": of_browser}
        await world.client.post("/settings", data={"language": chosen}, headers=headers)
        world.statuses[:] = [target_status("web-1", "a:9100")]
        world.now[0] += 2_000
        async with world.client.ws_connect(PATH, headers=headers) as socket:
            await socket.send_json({"type": "subscribe", "id": "page", "page": "/live/hosts"})
            while f"<span>{before}</span>" not in (await received(socket, "region"))["html"]:
                pass
            error = "cannot connect to a:9100: Connection refused"
            world.statuses[:] = [target_status("web-1", "a:9100", Health.DOWN, error)]
            world.now[0] += 2_000
            while f"<span>{after}</span>" not in (row := await received(socket, "region"))["html"]:
                pass
        assert reason in row["html"]
    assert regions[0] == regions[1] != regions[2]


async def test_page_whose_region_depends_on_the_reader_is_not_shared(
    world: World, regions: list[Hashable]
) -> None:
    """A reader with the same role may be no member of the project."""
    for headers in (await world.cookie(Role.VIEWER), await world.bearer(Role.VIEWER)):
        async with world.client.ws_connect(PATH, headers=headers) as socket:
            await socket.send_json({"type": "subscribe", "id": "page", "page": "/live/sessions"})
            await received(socket, "")
            while (await received(socket, ""))["type"] not in ("region", "error"):
                pass
    first, second = regions
    assert first != second


@pytest.mark.parametrize(
    ("role", "scopes", "access"),
    [
        (Role.ADMIN, FULL_SCOPES, Access.ADMIN),
        (Role.EDITOR, FULL_SCOPES, Access.EDITOR),
        (Role.VIEWER, FULL_SCOPES, Access.VIEWER),
        (Role.ADMIN, frozenset({Scope.READ}), Access.VIEWER),
    ],
)
def test_nameless_reader_has_the_same_rights(
    role: Role, scopes: frozenset[Scope], access: Access
) -> None:
    user = User(7, "ann", role, "hash", 1)
    credential = Credential(1, 7, CredentialKind.BEARER, "secret", "phone", 0, 0, 0, scopes)
    reader = Principal(user, credential)
    shown = nameless(reader)
    every = (Access.VIEWER, Access.EDITOR, Access.ADMIN)
    assert [shown.may(each) for each in every] == [reader.may(each) for each in every]
    assert shown.may(access)
    assert "ann" not in repr(shown)
    assert nameless(ANONYMOUS) == ANONYMOUS
