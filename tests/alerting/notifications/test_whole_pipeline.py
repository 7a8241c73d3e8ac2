"""Each receiver gets what a model says, whatever happens: nothing twice, nothing lost.

Values, gaps, restarts, reloads, silences, acknowledgements, outages of receivers and jumps of
the clock in any order, over real records.
"""

import asyncio
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from structlog.testing import capture_logs

from alerting.book.lifecycle import INACTIVE, Condition, Lifecycle, advance
from alerting.receivers.webhook_body import rfc3339
from alerting.routing.configuration import RoutingConfiguration
from storage.api.alerts import AlertState
from tests.alerting.alerting_doubles import open_records
from tests.alerting.notifications.pipeline_world import TIMING, PipelineWorld, tree

NAMES = ("a", "b", "c")
SEEN = st.sampled_from([Condition.HOLDS, Condition.HOLDS, Condition.CLEAR, Condition.MISSING])
REPEAT_MS = 3_600_000


@dataclass(slots=True)
class ModelledAlert:
    """What the model knows of one alert.

    Attributes:
        changed_ms: when its state changed last.
        told: whether its receivers know that it fires.
    """

    lifecycle: Lifecycle = INACTIVE
    changed_ms: int = 0
    told: bool = False
    sent: list[tuple[str, str]] = field(default_factory=list)


class AnyHistory(RuleBasedStateMachine):
    """What may happen; the model of states is the tested state machine itself."""

    configuration: ClassVar[RoutingConfiguration | None] = None

    def __init__(self) -> None:
        super().__init__()
        self.logs = capture_logs()
        self.logs.__enter__()
        self.loop = asyncio.new_event_loop()
        self.directory = tempfile.TemporaryDirectory()
        self.opened = open_records(Path(self.directory.name, "records.db"))
        records = self.run(self.opened.__aenter__())
        self.world = PipelineWorld(records, self.configuration)
        self.alerts = {name: ModelledAlert() for name in NAMES}
        self.silences: list[tuple[str, int, int]] = []
        self.has_missed = False
        self.run(self.world.begin())

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        self.finish()
        self.run(self.opened.__aexit__(None, None, None))
        self.loop.close()
        self.logs.__exit__(None, None, None)
        self.directory.cleanup()

    @property
    def now_ms(self) -> int:
        return self.world.clock.now_ms

    def is_silenced(self, name: str) -> bool:
        return any(
            each == name and start <= self.now_ms < end for each, start, end in self.silences
        )

    @rule(seen=st.tuples(SEEN, SEEN, SEEN), later_s=st.integers(1, 30))
    def evaluate(self, seen: tuple[Condition, ...], later_s: int) -> None:
        self.wait(later_s)
        conditions = dict(zip(NAMES, seen, strict=True))
        self.run(self.world.observe(conditions))
        for name, condition in conditions.items():
            alert = self.alerts[name]
            before = alert.lifecycle
            alert.lifecycle = advance(before, condition, TIMING, self.now_ms, suppressed=False)
            if alert.lifecycle.state is not before.state:
                alert.changed_ms = self.now_ms
            self.expect(name)

    @rule(later_s=st.sampled_from([1, 15, 65, 600, 4000]))
    def wait(self, later_s: int) -> None:
        self.run(self.world.pass_time(later_s * 1000))
        self.look()

    @rule(name=st.sampled_from(NAMES), length_s=st.sampled_from([5, 60, 900]))
    def silence(self, name: str, length_s: int) -> None:
        number = len(self.silences)
        made = self.run(self.world.put_silence(number, name, length_s * 1000))
        self.silences.append((name, made.starts_ms, made.ends_ms))

    @precondition(lambda self: self.silences)
    @rule()
    def expire_the_silences(self) -> None:
        silences = [
            replace(each, ends_ms=min(each.ends_ms, self.now_ms))
            for each in self.world.router.dispatcher.silences.all()
        ]
        self.silences = [(name, start, min(end, self.now_ms)) for name, start, end in self.silences]
        self.run(self.world.router.put_silences(silences))
        self.run(self.world.settle())
        self.look()

    @rule(name=st.sampled_from(NAMES))
    def acknowledge(self, name: str) -> None:
        alert = self.world.open().get(name)
        if alert is not None:
            self.run(self.world.book.acknowledge(alert.id, "ann", self.now_ms))

    @rule(is_down=st.booleans())
    def switch_receiver(self, is_down: bool) -> None:
        self.world.ops.is_down = is_down
        self.has_missed |= is_down
        self.run(self.world.settle())

    @rule()
    def restart(self) -> None:
        for alert in self.alerts.values():
            before = alert.lifecycle
            if before.state in (AlertState.INACTIVE, AlertState.RESOLVED):
                alert.lifecycle = INACTIVE
                continue
            missing_ms = alert.changed_ms if before.state is AlertState.NO_DATA else None
            alert.lifecycle = replace(before, recovered_ms=None, missing_ms=missing_ms)
        self.run(self.world.begin())
        self.look()

    @rule(jump_s=st.sampled_from([-300, -5, 7, 3600]))
    def jump(self, jump_s: int) -> None:
        self.world.clock.set_to(self.now_ms + jump_s * 1000)
        self.run(self.world.settle())
        self.look()

    def look(self) -> None:
        """Let the model look at all alerts: a silence may have ended."""
        for name in NAMES:
            self.expect(name)

    def expect(self, name: str) -> None:
        """Note what the receivers get for an alert now."""

    def finish(self) -> None:
        """Let everything be delivered, and compare the end."""
        self.world.ops.is_down = False
        self.expire_the_silences()
        for _ in range(3):
            self.wait(400)
        fires = {
            name
            for name, alert in self.alerts.items()
            if alert.lifecycle.fired_ms is not None
            and alert.lifecycle.state is not AlertState.RESOLVED
        }
        known = {each.name: each.status for each in self.world.ops.alerts}
        assert {name for name, status in known.items() if status == "firing"} == fires

    @invariant()
    def nothing_arrives_twice(self) -> None:
        # A tree repeats after an hour; what a receiver missed meanwhile arrives once.
        least_ms = 1 if self.has_missed else REPEAT_MS
        assert all(abs(gap) >= least_ms for gap in self.world.ops.gaps_ms())
        assert all(abs(gap) >= REPEAT_MS for gap in self.world.mail.gaps_ms())

    @invariant()
    def records_agree_on_what_holds_each_alert_back(self) -> None:
        holds = self.run(self.world.records.open_holds())
        expected = {
            (alert.id, silence.id)
            for alert in self.world.open().values()
            if alert.fired_ms is not None
            for silence in self.world.router.dispatcher.silences.muting(alert.labels, self.now_ms)
        }
        assert {(each.alert_id, each.silence_id) for each in holds} == expected

    @invariant()
    def history_of_an_alert_has_its_notifications(self) -> None:
        for name, alert in self.world.open().items():
            sent = self.run(self.world.records.notifications(5, alert_id=alert.id))
            assert all(f'"i":"{name}"' in each.body for each in sent)

    @invariant()
    def ends_come_after_their_alerts_and_only_to_those_who_want_them(self) -> None:
        known: set[str] = set()
        for each in self.world.ops.alerts:
            if each.status == "firing":
                known.add(each.name)
            else:
                assert each.name in known, self.world.ops.alerts
                known.remove(each.name)
        assert {each.status for each in self.world.mail.alerts} <= {"firing"}


class EachAlertByItself(AnyHistory):
    """Without a tree: every alert is sent at once, by itself, and never again."""

    @invariant()
    def nothing_is_repeated(self) -> None:
        assert self.world.ops.gaps_ms() == []
        assert self.world.mail.gaps_ms() == []

    def expect(self, name: str) -> None:
        alert = self.alerts[name]
        fired_ms = alert.lifecycle.fired_ms
        if alert.lifecycle.state is AlertState.RESOLVED:
            if alert.told and fired_ms is not None:
                alert.sent.append(("resolved", rfc3339(fired_ms)))
            alert.told = False
        elif fired_ms is not None and not alert.told and not self.is_silenced(name):
            alert.sent.append(("firing", rfc3339(fired_ms)))
            alert.told = True

    @invariant()
    def each_receiver_gets_what_the_model_says(self) -> None:
        for name, alert in self.alerts.items():
            got = self.world.mail.about(name)
            assert got == [each for each in alert.sent if each[0] == "firing"]
            if not self.world.ops.is_down:
                assert self.world.ops.about(name) == alert.sent


class GroupedByATree(AnyHistory):
    """With an alertmanager.yml: grouped, repeated each hour unless acknowledged."""

    configuration = tree()

    @rule(wait=st.sampled_from(["0s", "10s", "45s"]), group_by=st.sampled_from(["alertname", "i"]))
    def reload(self, wait: str, group_by: str) -> None:
        self.run(self.world.reload(tree(wait, group_by)))


FEW = settings(max_examples=25, stateful_step_count=25, deadline=None, derandomize=True)
MANY = settings(max_examples=100, stateful_step_count=40, deadline=None, derandomize=True)


def _with(machine: type[AnyHistory], chosen: settings) -> Any:
    """Return the test of a machine; settings belong to a test, not to its machine."""
    return type(machine.__name__, (machine.TestCase,), {"settings": chosen})


TestEachAlertByItself = _with(EachAlertByItself, FEW)
TestGroupedByATree = _with(GroupedByATree, FEW)
TestManyHistoriesOfSingleAlerts = pytest.mark.slow(_with(EachAlertByItself, MANY))
TestManyHistoriesOfGroups = pytest.mark.slow(_with(GroupedByATree, MANY))


async def test_receiver_that_was_down_for_hours_gets_each_group_once(tmp_path: Path) -> None:
    async with open_records(tmp_path / "records.db") as records:
        world = PipelineWorld(records, tree())
        await world.begin()
        world.ops.is_down = True
        await world.observe(dict.fromkeys(NAMES, Condition.HOLDS))
        await world.pass_time(20_000)
        await world.observe(dict.fromkeys(NAMES, Condition.HOLDS))
        await world.pass_time(5 * REPEAT_MS)
        world.ops.is_down = False
        await world.settle()
        assert [each.name for each in world.ops.alerts] == list(NAMES)
        assert len(world.mail.bodies) == 5
        # The next repetition is due an hour after the last one that the receiver did not need.
        await world.pass_time(2 * REPEAT_MS)
        assert {each.reason for each in world.ops.alerts[3:]} == {"repeat interval elapsed"}
