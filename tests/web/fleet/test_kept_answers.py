from model.labels import Labels
from promql.api import EvaluationError
from tests.promql.scripted_engine import ScriptedEngine
from tests.web.service_doubles import vector
from web.fleet.kept_answers import KeptAnswers


def engine() -> ScriptedEngine:
    return ScriptedEngine(answers={"up": vector({Labels(): 1.0})})


async def ask(answers: KeptAnswers, now_ms: int, hosts: int, query: str = "up") -> None:
    await answers.instant("figure", query, now_ms, hosts, 30_000)


async def test_small_fleet_is_asked_again_within_a_second() -> None:
    scripted = engine()
    answers = KeptAnswers(scripted)
    await ask(answers, 0, 30)
    await ask(answers, 899, 30)
    await ask(answers, 900, 30)
    assert [time_ms for _, time_ms, _, _ in scripted.asked] == [0, 900]


async def test_answer_of_a_large_fleet_is_kept_as_long_as_it_may_be() -> None:
    scripted = engine()
    answers = KeptAnswers(scripted)
    for now_ms in (0, 29_999, 30_000):
        await ask(answers, now_ms, 5_000)
    assert [time_ms for _, time_ms, _, _ in scripted.asked] == [0, 30_000]


async def test_other_query_and_a_clock_that_was_set_back_are_asked_at_once() -> None:
    scripted = engine()
    answers = KeptAnswers(scripted)
    await ask(answers, 10_000, 1000)
    await ask(answers, 10_001, 1000, "up or up")
    await ask(answers, 10_002, 1000, "up or up")
    await ask(answers, 9_000, 1000, "up or up")
    assert [time_ms for _, time_ms, _, _ in scripted.asked] == [10_000, 10_001, 9_000]


async def test_failed_query_is_asked_again_at_once() -> None:
    scripted = ScriptedEngine(answers={"up": EvaluationError("broken")})
    answers = KeptAnswers(scripted)
    await ask(answers, 0, 1000)
    await ask(answers, 1, 1000)
    assert len(scripted.asked) == 2
