import pytest

from alerting.templates.budget import ON_LOOP, Allowance, steps_of_pattern
from alerting.templates.values.values import FunctionError, LimitExceededError
from model.limits import LimitName


def test_steps_and_texts_are_limited() -> None:
    budget = Allowance(steps=10, chars=5, seconds=60).start()
    budget.spend(10)
    budget.spend_chars(3)
    assert budget.chars_left == 2
    with pytest.raises(LimitExceededError) as caught:
        budget.spend(1)
    assert caught.value.limit is LimitName.TEMPLATE_STEPS
    with pytest.raises(LimitExceededError) as caught:
        budget.spend_chars(3)
    assert caught.value.limit is LimitName.TEMPLATE_TEXT


def test_time_is_limited_and_begins_anew_with_a_restart() -> None:
    budget = Allowance(steps=100_000, chars=5, seconds=-1).start()
    budget.spend(4000)
    with pytest.raises(LimitExceededError) as caught:
        budget.spend(4000)
    assert caught.value.limit is LimitName.TEMPLATE_TIME
    budget.depth = 5
    budget.restart()
    assert budget.depth == 0


def test_patterns_that_compile_slowly_do_not_compile_on_the_event_loop() -> None:
    assert steps_of_pattern("a+b", "text") < 10
    for pattern in ("a" * 300, r"[\pL]{900}"):
        assert steps_of_pattern(pattern, "") > ON_LOOP.steps
    with pytest.raises(FunctionError, match="too long"):
        steps_of_pattern("a" * 5000, "")
