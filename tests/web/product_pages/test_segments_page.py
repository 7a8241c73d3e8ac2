"""The page of segments: editors make, rename and delete them; reports use them."""

import re
from dataclasses import replace
from html import unescape

import orjson

from storage.api.projects import ProjectRole
from tests.web.product_pages.test_asked_reports import filled, post
from tests.web.product_pages.test_report_pages import shown, texts
from tests.web.projects.tenants import Tenant, add_member
from tests.web.world import World

BUYERS = {"name": "Buyers", "where": "buy", "op": "event_at_least", "value": "1", "within": "30"}


async def events_of(world: World, tenant: Tenant, query: str) -> int:
    text = await shown(world, tenant, f"/trends?days=7&{query}")
    data = orjson.loads(text.split('id="trends-chart">')[1].split("</script>")[0])
    return int(sum(value or 0 for value in data["lines"][0]["values"]))


async def test_an_editor_makes_renames_and_deletes_a_segment(world: World) -> None:
    ann = await filled(world)
    status, where = await post(world, ann, "/segments", **BUYERS)
    assert (status, where) == (303, f"{ann.pages}/segments?notice=created")
    assert await events_of(world, ann, "segment=Buyers") == 5
    (segment,) = await world.services.analytics.segments.all(ann.project)
    text = await shown(world, ann, f"/segments?edit={segment.id}")
    assert 'name="where" value="buy"' in text
    assert 'name="within" value="30"' in text
    changed = BUYERS | {"name": "Two buys", "value": "2"}
    assert (await post(world, ann, f"/segments/{segment.id}", **changed))[0] == 303
    assert await events_of(world, ann, "segment=Two+buys") == 0
    await shown(world, ann, "/trends?segment=Buyers", 400)
    assert (await post(world, ann, f"/segments/{segment.id}/remove"))[0] == 303
    assert "Two buys" not in await shown(world, ann, "/segments")
    assert (await post(world, ann, f"/segments/{segment.id}/remove"))[0] == 404
    assert (await post(world, ann, f"/segments/{segment.id}", **changed))[0] == 404
    await shown(world, ann, f"/segments?edit={segment.id}", 404)
    actions = [one.action for one in await world.services.audit.entries(3)]
    assert actions == ["segment.remove", "segment.change", "segment.create"]


async def test_a_viewer_sees_segments_and_changes_none(world: World) -> None:
    ann = await filled(world)
    bob = replace(await add_member(world, ann, "bob", ProjectRole.VIEWER), project=ann.project)
    await post(world, ann, "/segments", **BUYERS)
    text = await shown(world, bob, "/segments")
    assert texts(text, r'<th scope="row"><bdi class="name">([^<]*)<') == ["Buyers"]
    assert "segment-form" not in text
    assert "/remove" not in text
    (segment,) = await world.services.analytics.segments.all(ann.project)
    for path in ("", f"/{segment.id}", f"/{segment.id}/remove"):
        assert (await post(world, bob, f"/segments{path}", **BUYERS))[0] == 403
    assert len(await world.services.analytics.segments.all(ann.project)) == 1


async def test_an_invalid_segment_is_refused_and_its_form_kept(world: World) -> None:
    ann = await filled(world)
    await post(world, ann, "/segments", **BUYERS)
    for change, problem in (
        ({"name": "Buyers"}, "Another segment of the project has this name"),
        ({"name": "x", "value": "many"}, "whole number"),
        ({"name": "x", "where": ""}, "at least one condition"),
        ({"name": " "}, "ame: "),
        ({"name": "x", "definition": "{"}, "not JSON"),
    ):
        status, text = await post(world, ann, "/segments", **BUYERS | change)
        assert status == 400
        assert problem in unescape(re.findall(r'role="alert">([^<]*)<', text)[0])
        assert 'name="op"' in text
    assert len(await world.services.analytics.segments.all(ann.project)) == 1


async def test_a_definition_that_the_fields_cannot_show_is_edited_as_json(world: World) -> None:
    ann = await filled(world)
    definition = [{"not": {"property": "plan", "value": "pro"}}]
    made = await world.services.analytics.segments.create(ann.project, "Others", definition)
    text = await shown(world, ann, f"/segments?edit={made.id}")
    field = unescape(text.split('name="definition"')[1].split(">")[1].split("</textarea")[0])
    assert orjson.loads(field) == definition
    assert 'name="where"' not in text
    form = {"name": "Not pro", "definition": field}
    assert (await post(world, ann, f"/segments/{made.id}", **form))[0] == 303
    (segment,) = await world.services.analytics.segments.all(ann.project)
    assert (segment.name, orjson.loads(segment.definition)) == ("Not pro", definition)


async def test_a_row_or_a_group_is_added_without_a_script(world: World) -> None:
    ann = await filled(world)
    for path in ("/funnel?step=open&", "/segments?name=x&"):
        text = await shown(world, ann, f"{path}where=plan&op=equals&value=pro&in=1&more=row")
        assert texts(text, r'name="where" value="([^"]*)"') == ["plan", ""]
        text = await shown(world, ann, f"{path}where=plan&op=equals&value=pro&in=1&more=group")
        assert texts(text, r'name="in" value="([^"]*)"') == ["1", "2"]


async def test_groups_of_conditions_restrict_a_report_and_are_saved_with_it(world: World) -> None:
    ann = await filled(world)
    rows = "where=plan&op=equals&value=pro&in=1&where=amount&op=is_set&value=&in=2"
    assert await events_of(world, ann, rows) == 0
    assert await events_of(world, ann, f"{rows}&join=any") == 3
    either = "match=1.any&" + rows.replace("in=2", "in=1")
    assert await events_of(world, ann, either) == 3
    text = await shown(world, ann, f"/trends?days=7&join=any&{rows}")
    (definition,) = texts(text, r'name="definition" value="([^"]*)"')[:1]
    fields = {"name": "Two groups", "kind": "trends", "definition": definition}
    _, where = await post(world, ann, "/reports", **fields)
    again = await shown(world, ann, where.removeprefix(ann.pages))
    assert texts(again, r'name="where" value="([^"]*)"') == ["plan", "amount"]
    assert '<option value="any" selected>' in again
    assert "cannot show" not in again


async def test_a_saved_report_says_that_the_form_lacks_a_condition(world: World) -> None:
    ann = await filled(world)
    definition = {"events": ["open"], "filters": [{"not": {"property": "plan", "value": "pro"}}]}
    fields = {"name": "Not", "kind": "trends", "definition": orjson.dumps(definition).decode()}
    _, where = await post(world, ann, "/reports", **fields)
    assert "conditions that this form cannot show" in await shown(
        world, ann, where.removeprefix(ann.pages)
    )
