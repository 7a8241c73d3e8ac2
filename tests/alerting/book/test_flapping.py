"""Alerts that flap: sent once more, marked, and ended only after a calm time."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from alerting.book.alert_book import AlertBook
from alerting.book.flapping import FLAPPING, FlapDetector
from alerting.book.lifecycle import Condition, RuleTiming
from alerting.book.observation import AlertKey, Observation
from alerting.settings import FlappingSettings
from model.labels import Labels
from tests.alerting.alerting_doubles import NOW_MS, RecordingPipeline, WatchedAlerts, open_records

MINUTE_MS = 60_000
CHECK = AlertKey("host/cpu", Labels.of(instance="web-1", severity="warning"))
RULE = AlertKey("group/Alert", Labels.of(alertname="Alert"))
SETTINGS = FlappingSettings.model_validate({"fires": 3, "within": "30m", "calm": "10m"})


class Bench:
    """A book with a detector; each step is a minute."""

    def __init__(self, records: WatchedAlerts, settings: FlappingSettings = SETTINGS) -> None:
        self.records, self.settings, self.minute = records, settings, 0
        self.pipeline = RecordingPipeline()
        self.begin()

    def begin(self) -> None:
        self.flaps = FlapDetector(lambda: self.settings)
        self.book = AlertBook(self.records, self.pipeline.run, lambda _: None, self.flaps)

    async def restart(self) -> None:
        def key_of(alert: object) -> AlertKey:
            return CHECK

        self.begin()
        self.flaps.restore(await self.records.fired_since(0), key_of)
        stored = await self.records.open_alerts()
        self.book.restore((CHECK, alert) for alert in stored)

    async def see(self, conditions: str, key: AlertKey = CHECK) -> None:
        """Observe one condition a minute: x holds, . does not, - is not observed."""
        for each in conditions:
            self.minute += 1
            if each == "-":
                continue
            condition = Condition.HOLDS if each == "x" else Condition.CLEAR
            annotations = Labels.of(summary="hot") if each == "x" else None
            seen = Observation(key, condition, RuleTiming(), 1.0, key.labels, annotations)
            await self.book.apply([seen], NOW_MS + self.minute * MINUTE_MS)

    @property
    def sent(self) -> str:
        """F for each firing notice, R for each resolved one."""
        return "".join(notice.status.value[0].upper() for notice in self.pipeline.notices)

    @property
    def marks(self) -> list[str]:
        """The annotation of each notice."""
        return [notice.alert.annotations.get(FLAPPING) for notice in self.pipeline.notices]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with open_records(tmp_path / "records.db") as records:
        yield Bench(records)


async def test_flapping_alert_is_sent_once_more_and_ends_after_a_calm_time(bench: Bench) -> None:
    await bench.see("x.x.x.x.xx..x.")
    assert bench.sent == "FRFRF"
    text = "fired 3 times within 30m; ends after 10m without its condition"
    assert bench.marks == ["", "", "", "", text]
    [item] = bench.book.open_alerts()
    assert item.alert.annotations == Labels.of(summary="hot", flapping=text)
    await bench.see("." * 9)
    assert bench.sent == "FRFRF"
    await bench.see(".")
    assert bench.sent == "FRFRFR"
    assert bench.book.open_alerts() == []


async def test_counting_begins_anew_after_the_calm(bench: Bench) -> None:
    await bench.see("x.x.x" + "." * 12)
    await bench.see("x.x.x.")
    assert bench.sent == "FRFRFR" + "FRFRF"


async def test_alert_that_fires_seldom_does_not_flap(bench: Bench) -> None:
    await bench.see(("x." + "-" * 14) * 5)
    assert bench.sent == "FR" * 5
    assert set(bench.marks) == {""}


async def test_flapping_outlives_a_restart(bench: Bench) -> None:
    await bench.see("x.x.")
    await bench.restart()
    await bench.see("x.x.")
    assert bench.sent == "FRFRF"
    await bench.restart()
    await bench.see("x...")
    assert bench.sent == "FRFRF"
    await bench.see("." * 8)
    assert bench.sent == "FRFRFR"


async def test_alerts_of_rule_files_flap_only_on_request(bench: Bench) -> None:
    await bench.see("x.x.x.x.", RULE)
    assert bench.sent == "FRFRFRFR"
    bench.settings = SETTINGS.model_copy(update={"rules": True})
    await bench.see("-" * 60 + "x.x.x.x.", RULE)
    assert bench.sent == "FRFRFRFR" + "FRFRF"


async def test_no_fires_switch_it_off(bench: Bench) -> None:
    bench.settings = SETTINGS.model_copy(update={"fires": 0})
    await bench.see("x." * 6)
    assert bench.sent == "FR" * 6


def test_one_fire_is_no_flapping() -> None:
    with pytest.raises(ValidationError, match="write 2 or more, or 0"):
        FlappingSettings(fires=1)


@given(st.lists(st.integers(1, 40), max_size=30))
def test_alert_flaps_if_it_fired_often_enough_within_the_time(gaps: list[int]) -> None:
    detector, now_ms = FlapDetector(lambda: SETTINGS), NOW_MS
    times: list[int] = []
    for gap in gaps:
        now_ms += gap * MINUTE_MS
        recent = [each for each in times if each > now_ms - 30 * MINUTE_MS]
        assert (detector.judge(CHECK, now_ms) is not None) == (len(recent) + 1 >= 3)
        detector.count(CHECK, now_ms)
        times.append(now_ms)


def test_memory_of_alerts_that_fired_long_ago_is_freed() -> None:
    detector = FlapDetector(lambda: SETTINGS)
    for number in range(5_000):
        key = AlertKey("host/cpu", Labels.of(instance=str(number)))
        detector.count(key, NOW_MS + number * MINUTE_MS)
    assert len(detector) <= 1_100
