"""Settings and members of projects as JSON."""

from storage.api.projects import ProjectRole
from tests.web.projects.tenants import add_member, add_tenant, send
from tests.web.world import World


async def test_settings_change_one_by_one_and_a_wrong_one_is_named(world: World) -> None:
    ann = await add_tenant(world, "ann")
    change = {"timeZone": "Asia/Kolkata", "weekStart": 7, "retentionDays": 90}
    answer = await world.client.patch(ann.api, json=change, headers=ann.token)
    assert answer.status == 200
    expected = {"name": "Shop", **change, "isActive": True, "role": "owner"}
    assert expected.items() <= (await answer.json()).items()
    for wrong, field in (
        ({"timeZone": "Mars"}, "timeZone"),
        ({"weekStart": 8}, "weekStart"),
        ({"name": " "}, "name"),
        ({"retentionDays": -1}, "retentionDays"),
        ({"zone": "UTC"}, "zone"),
    ):
        answer = await world.client.patch(ann.api, json=wrong, headers=ann.token)
        assert (answer.status, (await answer.json())["field"]) == (400, field)
    shown = await (await world.client.get(ann.api, headers=ann.token)).json()
    assert expected.items() <= shown.items()


async def test_what_a_project_collects_is_a_setting(world: World) -> None:
    ann = await add_tenant(world, "ann")
    change = {
        "sessionIdleSeconds": 600,
        "origins": ["HTTPS://Shop.example:443", "http://localhost:8080"],
        "excludedAddresses": ["192.0.2.7/24"],
        "excludedUserAgents": ["Kiosk"],
    }
    shown = await (await world.client.patch(ann.api, json=change, headers=ann.token)).json()
    assert shown["origins"] == ["https://shop.example", "http://localhost:8080"]
    assert shown["excludedAddresses"] == ["192.0.2.0/24"]
    assert (shown["excludedUserAgents"], shown["sessionIdleSeconds"]) == (["Kiosk"], 600)
    kept = await (await world.client.patch(ann.api, json={"name": "x"}, headers=ann.token)).json()
    assert {**shown, "name": "x"} == kept
    for wrong, field in (
        ({"origins": ["https://shop.example/path"]}, "origins.0"),
        ({"excludedAddresses": ["shop.example"]}, "excludedAddresses"),
        ({"excludedUserAgents": [""]}, "excludedUserAgents"),
        ({"sessionIdleSeconds": 1}, "sessionIdleSeconds"),
    ):
        answer = await world.client.patch(ann.api, json=wrong, headers=ann.token)
        assert (answer.status, (await answer.json())["field"]) == (400, field)


async def test_a_paused_project_refuses_events_until_it_is_resumed(world: World) -> None:
    ann = await add_tenant(world, "ann")
    batch = {
        "projectKey": ann.project.key,
        "events": [{"eventName": "open", "anonymousId": "a"}],
    }
    tracked = {"method": "GET", "path": "/", "status_code": 200, "response_time_ms": 1}
    for is_active, event_status, request_status in ((False, 403, 401), (True, 200, 202)):
        body = {"isActive": is_active}
        await world.client.patch(ann.api, json=body, headers=ann.token)
        sent = await world.client.post("/v1/events/batch", json=batch)
        assert sent.status == event_status
        key = {"X-API-Key": ann.key.secret}
        sent = await world.client.post("/api/v1/track", json=tracked, headers=key)
        assert sent.status == request_status


async def test_owners_manage_members_and_others_only_leave(world: World) -> None:
    ann = await add_tenant(world, "ann")
    bob = await add_member(world, ann, "bob", ProjectRole.EDITOR)
    await world.user("eve")
    members = f"{ann.api}/members"

    async def status(method: str, path: str, sender: dict[str, str], body: object = None) -> int:
        return (await world.client.request(method, path, json=body, headers=sender)).status

    assert await status("POST", members, bob.token, {"user": "eve", "role": "viewer"}) == 403
    assert await status("PUT", f"{members}/bob", bob.token, {"role": "owner"}) == 403
    assert await status("DELETE", ann.api, bob.token) == 403
    assert await status("POST", members, ann.token, {"user": "eve", "role": "viewer"}) == 201
    assert await status("POST", members, ann.token, {"user": "nobody"}) == 404
    assert await status("PUT", f"{members}/nobody", ann.token, {"role": "viewer"}) == 404
    assert await status("PUT", f"{members}/ann", ann.token, {"role": "viewer"}) == 409
    assert await status("DELETE", f"{members}/ann", ann.token) == 409
    shown = await (await world.client.get(members, headers=bob.token)).json()
    assert shown["members"] == [
        {"user": "ann", "role": "owner"},
        {"user": "bob", "role": "editor"},
        {"user": "eve", "role": "viewer"},
    ]
    assert await status("DELETE", f"{members}/bob", bob.token) == 204
    assert await status("GET", ann.api, bob.token) == 404


async def test_a_deleted_project_takes_its_events_and_keys_along(world: World) -> None:
    ann, bob = await add_tenant(world, "ann"), await add_tenant(world, "bob")
    for tenant in (ann, bob):
        await send(world, tenant, {"eventName": "open", "anonymousId": "a"})
    assert (await world.client.delete(ann.api, headers=ann.token)).status == 204
    assert (await world.client.get(ann.api, headers=ann.token)).status == 404
    events = world.services.analytics.events
    assert set(await events.volumes(0)) == {bob.project.id}
    key = {"X-API-Key": ann.key.secret}
    tracked = {"method": "GET", "path": "/", "status_code": 200, "response_time_ms": 1}
    assert (await world.client.post("/api/v1/track", json=tracked, headers=key)).status == 401


async def test_every_change_is_recorded(world: World) -> None:
    ann = await add_tenant(world, "ann")
    await world.user("eve")
    members = f"{ann.api}/members"
    for method, path, body in (
        ("PATCH", ann.api, {"name": "New"}),
        ("POST", members, {"user": "eve", "role": "viewer"}),
        ("PUT", f"{members}/eve", {"role": "editor"}),
        ("DELETE", f"{members}/eve", None),
        ("DELETE", ann.api, None),
    ):
        answer = await world.client.request(method, path, json=body, headers=ann.token)
        assert answer.status < 300
    entries = reversed(await world.services.audit.entries(10))
    key = ann.project.key
    assert [(one.actor, one.action, one.subject, dict(one.details)) for one in entries] == [
        ("ann", "project.change", key, {"name": "New"}),
        ("ann", "project-member.set", key, {"user": "eve", "role": "viewer"}),
        ("ann", "project-member.set", key, {"user": "eve", "role": "editor"}),
        ("ann", "project-member.remove", key, {"user": "eve"}),
        ("ann", "project.remove", key, {"name": "New"}),
    ]
