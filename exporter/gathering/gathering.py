"""Runs the collectors for one scrape and adds how each went."""

import math
import threading
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from typing import Any, Protocol

import structlog
from prometheus_client.core import GaugeMetricFamily, Metric

from exporter.collectors.collector import Collector
from exporter.errors import DeadlineError, NoDataError, UnknownCollectorError
from exporter.gathering.supervision import Outcome, Supervisor

log = structlog.get_logger(__name__)


class SelfCollector(Protocol):
    """What prometheus_client calls a collector: ours, and its own of this process."""

    def collect(self) -> Iterable[Metric]:
        """Return the families."""


class Gatherer:
    """Gathers the families of one scrape; thread-safe.

    Args:
        collectors: those that a scrape may ask for, by name.
        deadline_s: how long one collector may take.

    Attributes:
        always: what tells about the exporter itself, in every scrape.
    """

    def __init__(self, collectors: Iterable[Collector], deadline_s: float) -> None:
        self._collectors = {collector.name: collector for collector in collectors}
        self.always: Sequence[SelfCollector] = ()
        self._supervisor: Supervisor[list[Metric]] = Supervisor(deadline_s)
        self._failing: dict[str, str] = {}
        self._lock = threading.Lock()

    @property
    def names(self) -> list[str]:
        """The names of the collectors."""
        return list(self._collectors)

    def gather(
        self,
        collect: Collection[str] = (),
        exclude: Collection[str] = (),
        wait_s: float = math.inf,
    ) -> "FamilyList":
        """Run collectors and return their families, and how each went.

        A collector that fails or hangs costs its own families only.

        Args:
            collect: names of those to run, none for all.
            exclude: names of those not to run.
            wait_s: how long who asks can wait, if that is less than a collector's deadline.

        Raises:
            UnknownCollectorError: no collector has such a name.
        """
        for name in (*collect, *exclude):
            if name not in self._collectors:
                raise UnknownCollectorError(name)
        wanted = [
            name
            for name in self._collectors
            if (not collect or name in collect) and name not in exclude
        ]
        outcomes = self._supervisor.run(
            {name: partial(_collected, self._collectors[name]) for name in wanted}, wait_s
        )
        self._log(outcomes)
        families = FamilyList()
        for collector in self.always:
            families.extend(collector.collect())
        for outcome in outcomes.values():
            families.extend(outcome.value or ())
        families.extend(_reports(outcomes))
        return families

    def stuck(self) -> list[str]:
        """Return the collectors that hang."""
        return self._supervisor.stuck()

    def _log(self, outcomes: dict[str, Outcome[list[Metric]]]) -> None:
        """Tell when a collector begins to fail, fails otherwise, or recovers."""
        for name, outcome in outcomes.items():
            error = outcome.error
            text = "" if error is None else f"{type(error).__name__}: {error}"
            # Each missed deadline tells another duration; they are one failure.
            kind = DeadlineError.__name__ if isinstance(error, DeadlineError) else text
            with self._lock:
                if self._failing.get(name, "") == kind:
                    continue
                self._failing[name] = kind
            if error is None:
                log.info("collector_recovered", collector=name)
            elif isinstance(error, NoDataError | FileNotFoundError):
                log.debug("collector_without_data", collector=name, error=text)
            else:
                log.warning("collector_failed", collector=name, error=text)


class FamilyList:
    """Families in order, each name once; what prometheus_client's encoders take."""

    def __init__(self) -> None:
        self._families: dict[str, Metric] = {}

    def extend(self, families: Iterable[Metric]) -> None:
        """Add families; one whose name is there already is left out, as two would be invalid."""
        for family in families:
            self._families.setdefault(family.name, family)

    def collect(self) -> Iterable[Metric]:
        """Return them all."""
        return self._families.values()


def _collected(collector: Collector) -> list[Metric]:
    return list(collector.collect())


def _reports(outcomes: dict[str, Outcome[Any]]) -> list[Metric]:
    duration = GaugeMetricFamily(
        "node_scrape_collector_duration_seconds",
        "Duration of a collector scrape.",
        labels=("collector",),
    )
    success = GaugeMetricFamily(
        "node_scrape_collector_success",
        "Whether a collector succeeded.",
        labels=("collector",),
    )
    for name, outcome in outcomes.items():
        duration.add_metric((name,), outcome.duration_s)
        success.add_metric((name,), outcome.error is None)
    return [duration, success]
