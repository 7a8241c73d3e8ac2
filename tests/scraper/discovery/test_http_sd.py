from aiohttp import web
from structlog.testing import capture_logs

from scraper.discovery.manager import DiscoveryManager
from tests.scraper.discovery.changes import Changes, http, instances, job
from tests.scraper.exposing_server import Answer, body, serving


def answering(answers: list[Answer]) -> Answer:
    """Send the answers in turn, then the last one repeatedly."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return await (answers.pop(0) if len(answers) > 1 else answers[0])(request)

    return answer


async def test_failed_requests_keep_the_targets(
    discovery: DiscoveryManager, changes: Changes
) -> None:
    def listing(text: str) -> Answer:
        return body(text, "application/json")

    answers = [
        listing('[{"targets": ["a:1"], "labels": {"x": "y"}}]'),
        body("", status=500),
        body("[]", "text/plain"),
        listing("{"),
        listing('[{"targets": 5}]'),
        listing('[{"targets": ["b:1"]}]'),
    ]
    async with serving(sd=answering(answers)) as url:
        seen: list[list[str]] = []
        discovery.apply([job(http(url("sd"), 0.05))])
        await changes.until(lambda: bool(instances(discovery)))
        seen.append(instances(discovery))
        assert discovery.targets()[0].discovered.get("__meta_url") == url("sd")
        await changes.until(lambda: instances(discovery) != seen[0])
        seen.append(instances(discovery))
    assert seen == [["a:1"], ["b:1"]]


async def test_credentials_of_the_url_are_neither_logged_nor_shown(
    discovery: DiscoveryManager, changes: Changes
) -> None:
    answers = [body("", status=500), body('[{"targets": ["a:1"]}]', "application/json")]
    async with serving(sd=answering(answers)) as url:
        secret = url("sd").replace("http://", "http://ann:hunter2@") + "?token=hunter2"
        with capture_logs() as logs:
            discovery.apply([job(http(secret, 0.05))])
            await changes.until(lambda: bool(instances(discovery)))
        assert [line["url"] for line in logs] == [url("sd") + "?…"]
        shown = discovery.targets()[0].discovered.get("__meta_url")
        assert shown == url("sd") + "?token=hunter2"
