import re

from model.conditions import (
    CONDITION_KINDS,
    DISK_SLOW,
    RECORDS_UNWRITABLE,
    SAMPLES_UNWRITABLE,
    Conditions,
)


class _Time:
    now_ms = 1_000

    def __call__(self) -> int:
        return self.now_ms


def test_condition_that_is_set_again_keeps_its_time_and_takes_the_new_reason() -> None:
    clock = _Time()
    conditions = Conditions(clock)
    conditions.set(SAMPLES_UNWRITABLE, "disk full")
    clock.now_ms = 5_000
    conditions.set(SAMPLES_UNWRITABLE, "read-only")
    (active,) = conditions.active()
    assert (active.since_ms, active.reason) == (1_000, "read-only")
    assert active.text == "the server cannot write samples to its disk: read-only"


def test_condition_that_returns_after_it_was_cleared_begins_anew() -> None:
    clock = _Time()
    conditions = Conditions(clock)
    conditions.set(DISK_SLOW)
    conditions.clear(DISK_SLOW)
    assert conditions.active() == ()
    conditions.clear(DISK_SLOW)
    clock.now_ms = 9_000
    conditions.set(DISK_SLOW)
    assert conditions.active()[0].since_ms == 9_000


def test_critical_conditions_come_first_and_then_the_oldest() -> None:
    clock = _Time()
    conditions = Conditions(clock)
    for kind in (DISK_SLOW, RECORDS_UNWRITABLE, SAMPLES_UNWRITABLE):
        clock.now_ms += 1
        conditions.set(kind)
    kinds = [one.kind for one in conditions.active()]
    assert kinds == [RECORDS_UNWRITABLE, SAMPLES_UNWRITABLE, DISK_SLOW]


def test_every_kind_has_a_name_for_labels_and_sentences_for_people() -> None:
    names = [kind.name for kind in CONDITION_KINDS]
    assert len(set(names)) == len(names)
    for kind in CONDITION_KINDS:
        assert re.fullmatch("[a-z]+(_[a-z]+)*", kind.name)
        assert not kind.summary.endswith(".")
        assert kind.fix
        assert not kind.fix.endswith(".")
