from pathlib import Path

from pytest_aiohttp import AiohttpClient

from storage.api.accounts import Role
from storage.api.fleet.host_views import MOST_VIEWS
from tests.web.service_doubles import target_status
from tests.web.world import World, world_at


async def post(world: World, path: str, role: Role = Role.ADMIN, **form: str) -> int:
    answer = await world.client.post(
        path, data=form, headers=await world.cookie(role), allow_redirects=False
    )
    return answer.status


async def test_view_is_saved_for_its_user_replaced_and_removed(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    async with world_at(tmp_path, aiohttp_client) as world:
        world.statuses.append(target_status("web-1", "a:9100"))
        assert await post(world, "/hosts/views", name="<i>prod", query="q=env%3Dprod&x=1") == 303
        text = await world.page("/?q=env%3Dprod")
        assert '<a href="/?q=env%3Dprod" aria-current="true"><bdi>&lt;i&gt;prod</bdi></a>' in text
        assert "&lt;i&gt;prod" not in await world.page("/", role=Role.VIEWER)
        assert await post(world, "/hosts/views", Role.VIEWER, name="mine", query="sort=cpu") == 303
        assert "mine" in await world.page("/", role=Role.VIEWER)
        await post(world, "/hosts/views", name="<i>prod", query="q=web")
        assert '<a href="/?q=web"><bdi>&lt;i&gt;prod' in await world.page("/")
        assert await post(world, "/hosts/views/remove", name="<i>prod") == 303
        assert "&lt;i&gt;prod" not in await world.page("/")


async def test_view_needs_a_name_and_a_user_has_so_many(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    async with world_at(tmp_path, aiohttp_client) as world:
        for name in ("", " ", "x" * 61, "a\x07"):
            assert await post(world, "/hosts/views", name=name, query="q=a") == 400
        for number in range(MOST_VIEWS):
            await post(world, "/hosts/views", name=f"view {number}", query="q=a")
        assert await post(world, "/hosts/views", name="one more", query="q=a") == 400
        assert await post(world, "/hosts/views", name="view 1", query="q=b") == 303
