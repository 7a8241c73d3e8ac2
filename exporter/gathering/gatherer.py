"""Runs the collectors for one scrape and adds the success and duration of each."""

import math
import re
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Protocol

from exporter.collectors.collector import Collector
from exporter.collectors.textfile import TextFiles
from exporter.deadlines import CallResult, DeadlineExecutor
from exporter.errors import DeadlineError, NoDataError, UnknownCollectorError
from exporter.families import Family, GaugeFamily
from exporter.logs import Log

log = Log(__name__)

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


class SelfCollector(Protocol):
    """A collector of the exporter's own metrics: it has no name and no deadline."""

    def collect(self) -> Iterable[Family]:
        """Return the families."""


class Gatherer:
    """Gathers the families of one scrape; thread-safe.

    Args:
        collectors: the collectors that a scrape may select.
        deadline_s: how long one collector may take.

    Attributes:
        always: collectors of the exporter's own metrics, which every scrape includes.
    """

    def __init__(self, collectors: Iterable[Collector], deadline_s: float) -> None:
        self._collectors = {collector.name: collector for collector in collectors}
        self.always: Sequence[SelfCollector] = ()
        self._functions = {
            name: partial(self._collected, collector)
            for name, collector in self._collectors.items()
        }
        self._executor: DeadlineExecutor[list[Family]] = DeadlineExecutor(deadline_s)
        self._failures: dict[str, str] = {}
        self._lock = threading.Lock()
        # Names that were checked once. Kernel files have few hundred fields.
        self._valid_names: frozenset[str] = frozenset()

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
        """Run collectors and return their families, with the success and duration of each.

        A collector that fails or hangs loses its own families only.

        Args:
            collect: names of the collectors to run, empty for all.
            exclude: names of collectors to leave out.
            wait_s: how long the client waits, if shorter than a collector's deadline.

        Raises:
            UnknownCollectorError: no collector has such a name.
        """
        for name in (*collect, *exclude):
            if name not in self._collectors:
                raise UnknownCollectorError(name)
        wanted = {
            name: function
            for name, function in self._functions.items()
            if (not collect or name in collect) and name not in exclude
        }
        results = self._executor.run(wanted, wait_s)
        self._log(results)
        families = FamilyList()
        for collector in self.always:
            families.extend(collector.collect())
        for name, result in results.items():
            if name != TextFiles.name:
                families.extend(result.value or ())
        families.extend(_reports(results))
        text_files = self._collectors.get(TextFiles.name)
        if (
            isinstance(text_files, TextFiles)
            and text_files.directories
            and not (collect or exclude)
        ):
            # For the next scrape, which then flags a file that has one of these.
            text_files.taken = families.sample_names
        if TextFiles.name in results:
            families.extend(results[TextFiles.name].value or ())
        return families

    def stuck(self) -> list[str]:
        """Return the names of the collectors that hang."""
        return self._executor.stuck()

    def _collected(self, collector: Collector) -> list[Family]:
        """Return a collector's families; those with a name from a garbled file are an error."""
        families = list(collector.collect())
        new = {family.name for family in families} - self._valid_names
        for name in new:
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name[:80]!r} is not a metric name")
        if new and collector.name != TextFiles.name:
            self._valid_names |= new
        return families

    def _log(self, results: dict[str, CallResult[list[Family]]]) -> None:
        """Log when a collector begins to fail, fails for another reason, or recovers."""
        for name, result in results.items():
            error = result.error
            text = "" if error is None else f"{type(error).__name__}: {error}"
            # The text of a missed deadline has the duration in it and differs each time.
            reason = DeadlineError.__name__ if isinstance(error, DeadlineError) else text
            with self._lock:
                if self._failures.get(name, "") == reason:
                    continue
                self._failures[name] = reason
            if error is None:
                log.info("collector_recovered", collector=name)
            elif isinstance(error, (NoDataError, FileNotFoundError)):
                log.debug("collector_without_data", collector=name, error=text)
            else:
                log.warning("collector_failed", collector=name, error=text)


class FamilyList:
    """Families in order, each name once."""

    def __init__(self) -> None:
        self._families: dict[str, Family] = {}

    def __iter__(self) -> Iterator[Family]:
        """Iterate over the families."""
        return iter(self._families.values())

    def extend(self, families: Iterable[Family]) -> None:
        """Add families. If a name repeats, only its first family is kept: two are invalid."""
        for family in families:
            if family.name not in self._families:
                self._families[family.name] = family

    @property
    def sample_names(self) -> frozenset[str]:
        """The names of all samples."""
        names = set(self._families)
        for family in self._families.values():
            names.update(sample.name for sample in family.others)
        return frozenset(names)


def _reports(results: dict[str, CallResult[Any]]) -> list[Family]:
    duration = GaugeFamily(
        "node_scrape_collector_duration_seconds",
        "Duration of a collector scrape.",
        labels=("collector",),
    )
    success = GaugeFamily(
        "node_scrape_collector_success",
        "Whether a collector succeeded.",
        labels=("collector",),
    )
    for name, result in results.items():
        duration.add((name,), result.duration_s)
        success.add((name,), result.error is None)
    return [duration, success]
