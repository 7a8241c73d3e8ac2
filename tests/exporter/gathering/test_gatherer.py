from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pytest

from exporter.errors import NoDataError, UnknownCollectorError
from exporter.families import Family, GaugeFamily
from exporter.gathering.gatherer import Gatherer
from tests.exporter.captured_logs import capture_logs


@dataclass
class Fake:
    name: str
    read: Callable[[], float]

    def collect(self) -> Iterable[Family]:
        yield GaugeFamily(f"fake_{self.name}", "Fake.", self.read())


def one() -> float:
    return 1.0


def broken() -> float:
    raise OSError(5, "Input/output error")


def values(gatherer: Gatherer, *collect: str) -> dict[str, float]:
    """Return sample values by collector name, or by metric name if there is no such label."""
    return {
        sample.labels.get("collector", sample.name): sample.value
        for family in gatherer.gather(collect)
        for sample in family.samples
        if not sample.name.endswith("_duration_seconds")
    }


def test_success_is_reported_for_each_collector_that_ran() -> None:
    gatherer = Gatherer([Fake("good", one), Fake("bad", broken)], 5)
    assert values(gatherer) == {"fake_good": 1, "good": 1, "bad": 0}
    assert values(gatherer, "good") == {"fake_good": 1, "good": 1}


def test_unknown_name_is_refused() -> None:
    with pytest.raises(UnknownCollectorError, match="nonsense"):
        Gatherer([Fake("good", one)], 5).gather(["nonsense"])


def test_family_of_two_collectors_appears_once() -> None:
    gatherer = Gatherer([], 5)
    gatherer.always = (Fake("same", one), Fake("same", lambda: 2.0))
    assert values(gatherer) == {"fake_same": 1}


def test_failure_is_logged_at_its_beginning_and_at_its_end() -> None:
    fake = Fake("flaky", broken)
    gatherer = Gatherer([fake], 5)
    with capture_logs() as logs:
        gatherer.gather()
        gatherer.gather()
        fake.read = one
        gatherer.gather()
        gatherer.gather()
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [
        ("collector_failed", "warning"),
        ("collector_recovered", "info"),
    ]


@pytest.mark.parametrize("error", [NoDataError("no such device"), FileNotFoundError("/proc/x")])
def test_collector_without_data_has_no_success_and_no_warning(error: Exception) -> None:
    def absent() -> float:
        raise error

    gatherer = Gatherer([Fake("absent", absent)], 5)
    with capture_logs() as logs:
        assert values(gatherer) == {"absent": 0}
    assert [entry["log_level"] for entry in logs] == ["debug"]
