import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.errors import PushLimitError
from ingest.limits.budgets import BudgetHolder, PushBudget, SenderBudgets
from ingest.limits.write_limits import BudgetLimits
from model.limits import LimitName
from model.memory_pressure import MemoryReading

NOW_MS = 1_790_000_000_000
KEYS = ("series", "label_bytes", "streams")

additions = st.fixed_dictionaries({key: st.integers(0, 5) for key in KEYS})
limits = st.builds(
    BudgetLimits, series=st.integers(0, 12), streams=st.integers(0, 12), label_bytes=st.just(9)
)


@given(limits, limits, st.lists(additions, max_size=40))
def test_budgets_are_never_exceeded_and_refuse_only_what_would_exceed_them(
    sender: BudgetLimits, token: BudgetLimits, wanted: list[dict[str, int]]
) -> None:
    budgets = SenderBudgets(sender, token)
    had = dict.fromkeys(KEYS, 0)
    for one in wanted:
        admission = budgets.admission("a", NOW_MS)
        fits = all(
            not getattr(some, key) or not one[key] or had[key] + one[key] <= getattr(some, key)
            for some in (sender, token)
            for key in KEYS
        )
        refusal = admission.refusal(**one)
        assert (refusal is None) == fits
        if refusal is None:
            admission.add(**one)
            had = {key: had[key] + one[key] for key in KEYS}
        else:
            assert refusal.limit.startswith(("sender_", "token_"))
            assert f"ingest.{refusal.limit.replace('_', '.', 1)}" in refusal.reason
    assert {key: getattr(budgets.sender, key) for key in KEYS} == had


def test_token_has_a_budget_of_its_own() -> None:
    budgets = SenderBudgets(BudgetLimits(series=3), BudgetLimits(series=2))
    for token in "aab":
        admission = budgets.admission(token, NOW_MS)
        assert admission.refusal(series=1) is None
        admission.add(series=1)

    def limit_of(token: str) -> LimitName | None:
        refusal = budgets.admission(token, NOW_MS).refusal(series=1)
        return None if refusal is None else refusal.limit

    assert limit_of("b") is LimitName.SENDER_SERIES
    budgets.sender.add_known(series=-1)
    assert limit_of("a") is LimitName.TOKEN_SERIES
    assert limit_of("b") is None


def test_new_series_are_limited_by_the_minute() -> None:
    budget = PushBudget(BudgetHolder.SENDER, BudgetLimits(new_series_per_minute=6))
    for _ in range(6):
        assert budget.refusal(NOW_MS, series=1) is None
        budget.add(NOW_MS, series=1)
    budget.add(NOW_MS, series=1)
    refusal = budget.refusal(NOW_MS, series=1)
    assert refusal is not None
    assert (refusal.limit, refusal.retry_after_s) == (LimitName.SENDER_NEW_SERIES, 10)
    # Known series and streams are not limited by it.
    assert budget.refusal(NOW_MS, streams=1) is None
    assert budget.refusal(NOW_MS + 10_000, series=1) is None


def test_sender_above_its_rate_waits_and_is_refused_only_if_it_waited_too_long() -> None:
    budget = PushBudget(BudgetHolder.SENDER, BudgetLimits(samples_per_second=100))
    budget.take_samples(1500, NOW_MS)
    assert budget.samples_wait_s(NOW_MS) == 5
    budget.take_samples(600, NOW_MS)
    with pytest.raises(PushLimitError, match=r"ingest\.sender\.samples_per_second") as caught:
        budget.samples_wait_s(NOW_MS)
    assert (caught.value.limit, caught.value.retry_after_s) == (LimitName.SENDER_SAMPLES, 11)


def test_new_series_are_refused_near_the_memory_limit() -> None:
    memory = MemoryReading(limit_bytes=100, resident_bytes=56)
    budgets = SenderBudgets(BudgetLimits(), BudgetLimits(), memory)
    refusal = budgets.admission("", NOW_MS).refusal(series=1)
    assert refusal is not None
    assert refusal.limit is LimitName.MEMORY
    assert refusal.retry_after_s
    memory.resident_bytes = 54
    assert budgets.admission("", NOW_MS).refusal(series=1) is None
