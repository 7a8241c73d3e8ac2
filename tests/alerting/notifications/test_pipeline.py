import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from alerting.book.alert_book import AlertBook
from alerting.book.lifecycle import Condition, RuleTiming
from alerting.book.observation import AlertKey, Observation
from alerting.notifications.notice import Notice
from alerting.notifications.pipeline import NotificationPipeline
from alerting.notifications.stages import Stage, configured_stages
from alerting.settings import AlertingSettings
from model.labels import Labels
from tests.alerting.alerting_doubles import NOW_MS, WatchedAlerts, open_records

SETTINGS = AlertingSettings.model_validate(
    {"receivers": [{"name": "a", "type": "log"}, {"name": "b", "type": "log"}]}
)
ROUTE, *LATER_STAGES = configured_stages(SETTINGS)
KEY = AlertKey("g/High", Labels.of(alertname="High"))
MINUTE_MS = 60_000


def silence_all(notices: Sequence[Notice]) -> Sequence[Notice]:
    """A second kind of stage: every alert is silenced."""
    return ()


class Bench:
    """A book that sends its state changes through a pipeline of the given stages."""

    def __init__(self, records: WatchedAlerts, *stages: Stage) -> None:
        self.records = records
        self.pipeline = NotificationPipeline(stages, "http://h")
        self.book = AlertBook(records, self.pipeline.run, lambda changes: None)

    async def see(self, condition: Condition, minute: int) -> None:
        timing = RuleTiming(no_data_for_ms=MINUTE_MS)
        observation = Observation(KEY, condition, timing, 1.0, KEY.labels, expression="up == 0")
        await self.book.apply([observation], NOW_MS + minute * MINUTE_MS)

    async def outbox(self) -> list[tuple[str, str, str]]:
        """Return receiver, receiver in the body and status of each stored notification."""
        stored = await self.records.notifications(10)
        bodies = [(item.receiver, json.loads(item.body)) for item in reversed(stored)]
        return [(receiver, body["receiver"], body["status"]) for receiver, body in bodies]


@pytest.fixture
async def records(tmp_path: Path) -> AsyncIterator[WatchedAlerts]:
    async with open_records(tmp_path / "records.db") as records:
        yield records


async def test_firing_and_resolved_reach_every_receiver_once(records: WatchedAlerts) -> None:
    bench = Bench(records, ROUTE, *LATER_STAGES)
    await bench.see(Condition.HOLDS, 0)
    firing = [("a", "a", "firing"), ("b", "b", "firing")]
    assert await bench.outbox() == firing
    # Without data, and back: its receivers already know that it fires.
    await bench.see(Condition.MISSING, 1)
    await bench.see(Condition.MISSING, 2)
    assert [item.alert.state.value for item in bench.book.open_alerts()] == ["no_data"]
    await bench.see(Condition.HOLDS, 3)
    assert [item.alert.state.value for item in bench.book.open_alerts()] == ["firing"]
    assert await bench.outbox() == firing
    await bench.see(Condition.CLEAR, 4)
    assert await bench.outbox() == [*firing, ("a", "a", "resolved"), ("b", "b", "resolved")]


async def test_silencing_stage_keeps_every_notification_back(records: WatchedAlerts) -> None:
    bench = Bench(records, ROUTE, silence_all, *LATER_STAGES)
    await bench.see(Condition.HOLDS, 0)
    assert [item.alert.state.value for item in bench.book.open_alerts()] == ["firing"]
    await bench.see(Condition.CLEAR, 1)
    assert await bench.outbox() == []
    assert len(await bench.records.resolved(10)) == 1


async def test_reconfigured_pipeline_uses_the_new_stages(records: WatchedAlerts) -> None:
    bench = Bench(records, silence_all)
    bench.pipeline.reconfigure((ROUTE, *LATER_STAGES), "http://other")
    await bench.see(Condition.HOLDS, 0)
    [first, _] = await records.waiting(None, 2)
    assert json.loads(first.body)["externalURL"] == "http://other"
