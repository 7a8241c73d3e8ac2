"""The settings of a project as a page, and its forms."""

import re
from html import unescape

from storage.api.projects import ProjectRole
from tests.web.projects.tenants import Tenant, add_member, add_tenant
from tests.web.world import World


async def post(world: World, tenant: Tenant, path: str, **fields: str) -> tuple[int, str]:
    """Send a form; return the status, and the address of a redirect or the page."""
    answer = await world.client.post(
        path, data=fields, headers=tenant.session, allow_redirects=False
    )
    assert answer.status != 500, world.logs[-2:]
    return answer.status, answer.headers.get("Location") or unescape(await answer.text())


async def shown(world: World, tenant: Tenant, path: str) -> str:
    answer = await world.client.get(path, headers=tenant.session)
    assert answer.status == 200
    return unescape(await answer.text())


async def test_a_new_project_is_created_by_any_user_and_listed(world: World) -> None:
    ann = await add_tenant(world, "ann")
    status, where = await post(world, ann, "/projects", name=" Blog ", time_zone="Asia/Tokyo")
    assert status == 303
    assert re.fullmatch(r"/projects/[0-9a-f]{12}", where)
    text = await shown(world, ann, "/projects")
    assert re.findall(r'<a class="name" href="([^"]+)"><bdi>(\w+)<', text) == [
        (where, "Blog"),
        (ann.pages, "Shop"),
    ]
    assert "Asia/Tokyo" in text


async def test_a_refused_form_keeps_its_fields_and_names_the_wrong_one(world: World) -> None:
    ann = await add_tenant(world, "ann")
    status, text = await post(world, ann, "/projects", name="X", time_zone="Mars/Base")
    assert status == 400
    assert "there is no time zone 'Mars/Base'" in text
    status, text = await post(world, ann, f"{ann.pages}/settings", name="", week_start="1")
    assert status == 400
    assert 'name="name" type="text" value=""' in text
    assert "must not be empty" in text


async def test_settings_are_saved_and_pausing_changes_nothing_else(world: World) -> None:
    ann = await add_tenant(world, "ann")
    path = f"{ann.pages}/settings"
    fields = {"name": "Store", "time_zone": "UTC", "week_start": "7", "retention_days": "30"}
    assert await post(world, ann, path, **fields) == (303, f"{path}?notice=changed")
    await post(world, ann, path, is_active="false")
    project = await world.services.analytics.projects.find(ann.project.key)
    assert project is not None
    settings = project.settings
    assert (settings.name, settings.week_start, settings.retention_days) == ("Store", 7, 30)
    assert not settings.is_active
    assert "This project is paused" in await shown(world, ann, path)


async def test_what_web_pages_may_send_is_one_entry_in_each_line(world: World) -> None:
    ann = await add_tenant(world, "ann")
    path = f"{ann.pages}/settings"
    fields = {
        "origins": "https://shop.example\r\n\r\n  HTTPS://Blog.example  ",
        "excluded_addresses": "192.0.2.7/24",
        "excluded_agents": "Probe\nprobe 2",
        "session_idle_s": "900",
    }
    assert (await post(world, ann, path, **fields))[0] == 303
    project = await world.services.analytics.projects.find(ann.project.key)
    assert project is not None
    collection = project.settings.collection
    assert collection.origins == ("https://shop.example", "https://blog.example")
    assert collection.excluded_addresses == ("192.0.2.0/24",)
    assert collection.excluded_agents == ("Probe", "probe 2")
    assert project.settings.session_idle_s == 900
    assert "https://shop.example\nhttps://blog.example</textarea>" in await shown(world, ann, path)
    for field, wrong in (
        ("origins", "shop.example/path"),
        ("excluded_addresses", "office"),
        ("excluded_agents", "x" * 250),
        ("session_idle_s", "1"),
    ):
        status, text = await post(world, ann, path, **{field: wrong})
        problem = text.split(f'id="hint-{field}"><span class="problem">')[1].split("<")[0]
        assert (status, problem != "", wrong in text) == (400, True, True)


async def test_members_see_only_what_their_role_may_change(world: World) -> None:
    ann = await add_tenant(world, "ann")
    bob = await add_member(world, ann, "bob", ProjectRole.VIEWER)
    path = f"{ann.pages}/settings"
    text = await shown(world, bob, path)
    assert ann.key.key.prefix not in text
    assert "Delete" not in text
    assert re.findall(r'action="([^"]+)"', text) == ["/logout", f"{path}/members/bob/remove"]
    assert (await post(world, bob, path, name="X"))[0] == 403
    assert await post(world, bob, f"{path}/members/bob/remove") == (303, "/projects")


async def test_members_are_added_and_the_last_owner_stays(world: World) -> None:
    ann = await add_tenant(world, "ann")
    await world.user("eve")
    path = f"{ann.pages}/settings"
    status, text = await post(world, ann, f"{path}/members", user="nobody", role="viewer")
    assert (status, "No user of this server has this name." in text) == (400, True)
    assert (await post(world, ann, f"{path}/members", user="eve", role="editor"))[0] == 303
    status, text = await post(world, ann, f"{path}/members/ann/role", role="viewer")
    assert (status, "This is the last owner of the project" in text) == (409, True)
    assert (await post(world, ann, f"{path}/members/eve/role", role="owner"))[0] == 303
    assert (await post(world, ann, f"{path}/members/ann/remove")) == (303, "/projects")


async def test_a_key_is_shown_once_rotated_with_an_overlap_and_revoked(world: World) -> None:
    ann = await add_tenant(world, "ann")
    path, keyring = f"{ann.pages}/settings", world.services.analytics.keyring
    status, text = await post(world, ann, f"{path}/keys", label="worker")
    (secret,) = set(re.findall(r"rsk_[0-9a-f]{48}", text))
    assert status == 200
    assert secret not in await shown(world, ann, path)
    assert await keyring.find(secret) is not None
    (key,) = [one for one in await keyring.live(ann.project) if one.label == "worker"]
    fields = {"label": "worker", "replaces": str(key.id), "overlap_hours": "1"}
    status, text = await post(world, ann, f"{path}/keys", **fields)
    (newer,) = set(re.findall(r"rsk_[0-9a-f]{48}", text))
    assert "stays valid for 1 h" in text
    assert await keyring.find(secret) is not None
    world.now[0] += 3_600_000
    assert await keyring.find(secret) is None
    (key,) = [one for one in await keyring.live(ann.project) if one.label == "worker"]
    assert (await post(world, ann, f"{path}/keys/{key.id}/revoke"))[0] == 303
    assert await keyring.find(newer) is None


async def test_a_project_is_deleted_only_with_its_name_typed(world: World) -> None:
    ann = await add_tenant(world, "ann", "My  <b>\u202eshop\U0001f98a")
    path = f"{ann.pages}/settings/remove"
    status, text = await post(world, ann, path, confirmation="my shop")
    assert (status, "This is not the name of the project." in text) == (400, True)
    where = "/projects?notice=project-removed"
    assert await post(world, ann, path, confirmation=" My <b>\u202eshop\U0001f98a") == (303, where)
    assert await world.services.analytics.projects.find(ann.project.key) is None
