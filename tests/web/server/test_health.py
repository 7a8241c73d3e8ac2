"""`/health` while a condition degrades the server."""

from model.conditions import DISK_SLOW, SAMPLES_UNWRITABLE
from tests.web.service_doubles import NOW_MS
from tests.web.world import World


async def test_degraded_server_answers_200_with_its_conditions(world: World) -> None:
    world.services.conditions.set(DISK_SLOW, "4.0 s for a commit of journal.db")
    world.services.conditions.set(SAMPLES_UNWRITABLE, "journal.db: database or disk is full")
    answer = await world.client.get("/health")
    health = await answer.json()
    assert answer.status == 200
    assert (health["ok"], health["status"], health["degraded"]) == (True, "degraded", True)
    assert health["conditions"][0] == {
        "condition": "samples_unwritable",
        "severity": "critical",
        "summary": "the server cannot write samples to its disk",
        "reason": "journal.db: database or disk is full",
        "fix": SAMPLES_UNWRITABLE.fix,
        "since_ms": NOW_MS,
    }
    assert [one["condition"] for one in health["conditions"][1:]] == ["disk_slow"]
    push = await (await world.client.get("/api/health")).json()
    assert push["status"] == "degraded"


async def test_strict_health_is_503_while_a_condition_holds(world: World) -> None:
    assert (await world.client.get("/health?strict")).status == 200
    world.services.conditions.set(DISK_SLOW)
    for query in ("strict", "strict=1"):
        answer = await world.client.get(f"/health?{query}")
        assert answer.status == 503
        assert (await answer.json())["status"] == "degraded"
    world.services.conditions.clear(DISK_SLOW)
    answer = await world.client.get("/health?strict=1")
    assert (answer.status, (await answer.json())["conditions"]) == (200, [])
