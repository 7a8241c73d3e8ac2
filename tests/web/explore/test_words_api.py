"""The words of PromQL as JSON."""

from pathlib import Path

from pytest_aiohttp import AiohttpClient

from tests.web.world import world_at


async def test_viewers_read_the_words_of_promql(
    tmp_path: Path, aiohttp_client: AiohttpClient
) -> None:
    async with world_at(tmp_path, aiohttp_client) as world:
        answer = await world.client.get("/api/explore/words", headers=await world.bearer())
        assert answer.status == 200
        found = {word["name"]: word for word in (await answer.json())["words"]}
        assert found["rate"]["kind"] == "function"
        assert found["rate"]["signature"] == "rate(range vector)"
        assert found["sum"]["kind"] == "aggregation"
        assert found["by"]["kind"] == "keyword"
        assert all(word["text"] for word in found.values())
