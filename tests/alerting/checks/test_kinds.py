"""Every host check over the real engine and store: when it fires, what it says, when it ends."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from alerting.book.alert_book import AlertBook
from alerting.check_settings import CheckName, HostCheckSettings
from alerting.checks.host_evaluation import HostChecksEvaluation
from alerting.checks.hosts import HostWatcher
from alerting.checks.kinds import KINDS, Unit
from alerting.checks.registry import HostCheckRegistry
from alerting.evaluation.health import HealthBoard
from model.labels import Labels
from promql.engine import LocalEngine
from storage.api.samples import Vector
from storage.samples.store import SqliteSampleStore
from tests.alerting.alerting_doubles import (
    NOW_MS,
    RecordingPipeline,
    SetClock,
    WatchedAlerts,
    open_records,
)

SCRAPE_MS: Final = 60_000
EVALUATED_MS: Final = 300_000
"""All checks are due at each of these."""
HOST: Final = Labels.of(job="node", instance="web-1:9100", site="a")
ROOT: Final = {"mountpoint": "/", "device": "sda1", "fstype": "ext4"}
Metrics = Mapping[str, tuple[Mapping[str, str], float]]


def _gib(value: float) -> float:
    return value * 2**30


def _disk(available: float, size: float = 100.0) -> dict[str, tuple[dict[str, str], float]]:
    return {
        "node_filesystem_avail_bytes": (ROOT, _gib(available)),
        "node_filesystem_size_bytes": (ROOT, _gib(size)),
    }


def _swap(free: float) -> Metrics:
    return {
        "node_memory_SwapFree_bytes": ({}, free),
        "node_memory_SwapTotal_bytes": ({}, 100.0),
    }


def _network(minute: int) -> Metrics:
    device = {"device": "eth0"}
    errors = min(max(minute - BROKEN_FROM, 0), BROKEN_UNTIL - BROKEN_FROM)
    return {
        "node_network_receive_errs_total": (device, 100.0 * errors),
        "node_network_transmit_errs_total": (device, 0.0),
        "node_network_receive_packets_total": (device, 1000.0 * minute),
        "node_network_transmit_packets_total": (device, 1000.0 * minute),
    }


def _load(load: float, minute: int) -> Metrics:
    return {
        "node_load5": ({}, load),
        "node_cpu_seconds_total": ({"cpu": "0", "mode": "idle"}, 60.0 * minute),
    }


def _inodes(free: float) -> Metrics:
    return {"node_filesystem_files_free": (ROOT, free), "node_filesystem_files": (ROOT, 1000.0)}


def _filling(minute: int) -> Metrics:
    """Return a disk that loses 3 GiB an hour, not quite evenly, and then is cleaned up."""
    if minute > CLEANED:
        return _disk(90.0)
    return _disk(60.0 - 3 * minute / 60 + 0.01 * (minute % 3))


BROKEN_FROM: Final = 70
BROKEN_UNTIL: Final = 130
"""The minutes of a fault; an hour after the start, since some checks compare with then."""
END: Final = 220
CLEANED: Final = 460
"""The minute at which a filling disk is cleaned up; long after the start: trends need hours."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What a host reports well and badly, and what its alert says.

    Attributes:
        at: the metrics by minute, and whether the fault is there.
        summary: the summary of the alert.
        severity: the severity of its alert.
        settings: of the check.
    """

    check: CheckName
    at: Callable[[int, bool], Metrics]
    summary: str
    severity: str = "warning"
    settings: Mapping[str, Any] = field(default_factory=dict)


def _flag(name: str, /, **labels: str) -> Callable[[int, bool], Metrics]:
    return lambda _minute, bad: {name: (labels, float(bad))}


FAULTS: Final = [
    Fault(CheckName.SWAP, lambda _, bad: _swap(8.0 if bad else 90.0), "Swap of web-1 at 92 %"),
    Fault(
        CheckName.LOAD,
        lambda minute, bad: _load(2.4 if bad else 0.5, minute),
        "Load of web-1 is 2.4 per core",
    ),
    Fault(
        CheckName.INODES,
        lambda _, bad: _inodes(100.0 if bad else 900.0),
        "Inodes of / of web-1 at 90 %",
    ),
    Fault(
        CheckName.OOM,
        lambda minute, _: {"node_vmstat_oom_kill": ({}, 1.0 + (minute >= BROKEN_FROM))},
        "web-1 ran out of memory: the kernel killed 1 of its processes",
    ),
    Fault(
        CheckName.READ_ONLY,
        lambda _, bad: {"node_filesystem_readonly": (ROOT, float(bad))},
        "Disk / of web-1 became read-only",
        "critical",
    ),
    Fault(
        CheckName.NETWORK,
        lambda minute, _: _network(minute),
        "5 % of the packets of eth0 of web-1 are erroneous",
        settings={"critical": 50},
    ),
    Fault(
        CheckName.TEMPERATURE,
        lambda _, bad: {
            "node_hwmon_temp_celsius": ({"chip": "cpu", "sensor": "t1"}, 99.5 if bad else 50.0)
        },
        "Sensor cpu t1 of web-1 at 100 °C",
        "critical",
    ),
    Fault(
        CheckName.CLOCK,
        lambda minute, bad: {
            "node_time_seconds": ({}, NOW_MS / 1000 + 60 * minute + (-12.4 if bad else 0.2))
        },
        "The clock of web-1 is 12 s off",
    ),
    Fault(
        CheckName.UNITS,
        _flag("node_systemd_unit_state", name="nginx.service", state="failed"),
        "nginx.service of web-1 has failed",
    ),
    Fault(
        CheckName.COLLECTORS,
        lambda _, bad: {"node_scrape_collector_success": ({"collector": "zfs"}, float(not bad))},
        "The exporter of web-1 can no longer collect zfs",
    ),
    Fault(
        CheckName.CERTIFICATES,
        lambda minute, bad: {
            "x509_cert_not_after": (
                {"filename": "web.pem"},
                NOW_MS / 1000 + 60 * minute + 86_400 * (12.4 if bad else 90),
            )
        },
        "Certificate web.pem of web-1 ends in 12 d",
    ),
    Fault(
        CheckName.REBOOT,
        lambda _, bad: {
            "node_boot_time_seconds": ({}, NOW_MS / 1000 + (60 * BROKEN_FROM if bad else -86_400))
        },
        "web-1 has restarted",
        settings={"enabled": True},
    ),
]


class Host:
    """One host whose metrics are appended minute by minute, and its checks."""

    def __init__(
        self, store: Any, engine: LocalEngine, records: WatchedAlerts, settings: HostCheckSettings
    ) -> None:
        self._store = store
        self._source = store.source(HOST)
        self.pipeline = RecordingPipeline()
        self.board = HealthBoard(SetClock())
        book = AlertBook(records, self.pipeline.run, lambda changes: None)
        watcher = HostWatcher(engine, lambda: [("web-1", "node", "web-1:9100")], NOW_MS)
        registry = HostCheckRegistry(settings)
        self._checks = HostChecksEvaluation(registry, watcher, engine, store, book, self.board)

    async def live(self, until: int, metrics: Callable[[int], Metrics]) -> None:
        """Scrape each minute and evaluate when all checks are due."""
        for minute in range(until):
            now_ms = NOW_MS + minute * SCRAPE_MS
            found = {"up": ({}, 1.0), **metrics(minute)}
            series = tuple(
                Labels.of(__name__=name, **labels) for name, (labels, _) in found.items()
            )
            values = np.array([value for _, value in found.values()])
            self._store.append(
                self._source, Vector(now_ms, self._store.layout(series), None, values)
            )
            if now_ms % EVALUATED_MS == NOW_MS % EVALUATED_MS:
                await self._checks.evaluate(now_ms)
                errors = {name: self.board[f"host/{name}"].error for name in CheckName}
                assert not any(errors.values()), errors


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Callable[[HostCheckSettings], Host]]:
    store = SqliteSampleStore(tmp_path / "samples", clock=SetClock())
    await asyncio.to_thread(store.open)
    engine = LocalEngine(store)
    try:
        async with open_records(tmp_path / "records.db") as records:
            yield lambda settings: Host(store, engine, records, settings)
    finally:
        await engine.close()
        await asyncio.to_thread(store.close)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.check.value)
async def test_fault_fires_once_and_is_resolved_when_it_is_over(
    host: Callable[[HostCheckSettings], Host], fault: Fault
) -> None:
    settings = HostCheckSettings.model_validate({fault.check.value: fault.settings})
    watched = host(settings)
    await watched.live(END, lambda minute: fault.at(minute, BROKEN_FROM <= minute < BROKEN_UNTIL))
    told = [(notice.status.value, notice.alert.labels) for notice in watched.pipeline.notices]
    kind = KINDS[fault.check]
    assert [(status, of.get("alertname"), of.get("severity")) for status, of in told] == [
        ("firing", kind.alert, fault.severity),
        ("resolved", kind.alert, fault.severity),
    ]
    assert told[0][1].get("site") == "a"
    assert watched.pipeline.notices[0].alert.annotations.get("summary") == fault.summary


@pytest.mark.slow
async def test_filling_disk_is_foretold_with_an_interval(
    host: Callable[[HostCheckSettings], Host],
) -> None:
    watched = host(HostCheckSettings.model_validate({"disk_full": {"for": "0s"}}))
    await watched.live(CLEANED + 140, _filling)
    first, *_, last = watched.pipeline.notices
    assert first.alert.labels.get("alertname") == "HostDiskFullSoon"
    # 60 % are used, 40 GiB are left and go at 3 GiB an hour.
    assert first.alert.annotations.get("summary") == "Disk / of web-1 is full in 13 h"
    assert first.alert.annotations.get("description") == (
        "Below 24 h; ends above 36 h. Between 13 h and 13 h from now (95 % interval)."
    )
    assert last.status.value == "resolved"


async def test_disk_with_much_space_left_is_not_foretold(
    host: Callable[[HostCheckSettings], Host],
) -> None:
    watched = host(HostCheckSettings.model_validate({"disk_full": {"for": "0s"}}))
    await watched.live(200, lambda minute: _disk(100 - 0.1 * minute))
    assert watched.pipeline.notices == []


async def test_what_never_worked_is_no_fault(host: Callable[[HostCheckSettings], Host]) -> None:
    watched = host(HostCheckSettings())
    works = {"node_scrape_collector_success": ({"collector": "zfs"}, 0.0)}
    cd_rom = {"node_filesystem_readonly": (ROOT, 1.0)}
    await watched.live(90, lambda _: {**works, **cd_rom})
    assert watched.pipeline.notices == []


def test_every_check_has_a_kind() -> None:
    assert list(KINDS) == list(CheckName)
    assert len({kind.alert for kind in KINDS.values()}) == len(KINDS)


@pytest.mark.parametrize(
    ("unit", "value", "written"),
    [
        (Unit.PERCENT, 91.4, "91 %"),
        (Unit.PERCENT, 0.52, "0.5 %"),
        (Unit.PER_CORE, 2.0, "2 per core"),
        (Unit.NONE, 3.0, "3"),
    ],
)
def test_values_are_written_with_their_unit(unit: Unit, value: float, written: str) -> None:
    assert unit.written(value) == written
