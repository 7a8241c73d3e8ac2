"""10,000 alerts that fire at once: `./run bench alerts`.

The alerts of one evaluation go through the book, the tree of an alertmanager.yml and the
outbox to two receivers that accept them at once. Measured are the time until the last one is
handed over, the growth of memory meanwhile, and the same for their end.
"""

import argparse
import asyncio
import json
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import psutil

from alerting.book.alert_book import AlertBook
from alerting.book.lifecycle import Condition, RuleTiming
from alerting.book.observation import AlertKey, Observation
from alerting.notifications.acknowledge_links import AcknowledgeLinks
from alerting.notifications.delivery import Delivery
from alerting.notifications.pipeline import NotificationPipeline
from alerting.notifications.router import AlertRouter
from alerting.notifications.stages import configured_stages
from alerting.routing.files.loader import parse_routing
from alerting.settings import AlertingSettings
from alerting.time_source import TimeSource
from benchmarks.harness.contenders.servers import Redshank, titles
from benchmarks.harness.processes import BenchmarkError, work_directory
from benchmarks.harness.reporting.command import plain_parser, run
from benchmarks.harness.reporting.report import Limit, Measure, Report
from model.clock import system_clock
from model.labels import Labels
from storage.api.alerts import AlertRecords
from storage.records.store import Records

_MEASURES: Final = (
    Measure("handed_over_s", "handed over\ns"),
    Measure("cpu_s", "CPU of it\ns"),
    Measure("resolved_s", "resolved\ns"),
    Measure("growth_mb", "memory growth\nMB", 0),
    Measure("notifications", "notifications", 0),
)
_LIMITS: Final = (Limit("handed_over_s", 5.0), Limit("growth_mb", 100.0))
_TREE: Final = """
route:
  receiver: both
  group_by: [alertname, cluster]
  group_wait: 0s
  group_interval: 1s
receivers:
- name: both
  webhook_configs: [{url: 'http://ops'}, {url: 'http://chat'}]
"""
_CLUSTERS: Final = 40
_PATIENCE_S: Final = 120.0


class _Sink:
    """A receiver that accepts everything, and counts the alerts by status."""

    def __init__(self) -> None:
        self.bodies = 0
        self.alerts = {"firing": 0, "resolved": 0}

    async def send(self, body: str) -> None:
        self.bodies += 1
        for alert in json.loads(body)["alerts"]:
            self.alerts[alert["status"]] += 1


class _Pipeline:
    """From the book to the sinks, over records on disk."""

    def __init__(self, records: AlertRecords) -> None:
        settings, tree = AlertingSettings(), parse_routing(_TREE, Path("alertmanager.yml"))
        self.sinks = {each.name: _Sink() for each in tree.integrations["both"]}
        self.router = AlertRouter(
            tree,
            records,
            system_clock,
            self._wake,
            tuple,
            has_tree=True,
            external_url="http://h",
            links=AcknowledgeLinks(settings, records, None, system_clock),
        )
        stages = configured_stages(settings)
        notify = NotificationPipeline(stages, "http://h", self.router.takes).run
        self.book = AlertBook(records, notify, self.router.observe)
        self.delivery = Delivery(records, self.sinks, settings.delivery, TimeSource(system_clock))

    def _wake(self, names: object) -> None:
        self.delivery.wake(self.sinks)

    async def measure(self, count: int, condition: Condition) -> float:
        """Let so many alerts fire or end; return the seconds until they are handed over."""
        status = "firing" if condition is Condition.HOLDS else "resolved"
        wanted = [sink.alerts[status] + count for sink in self.sinks.values()]
        observations = [_observation(number, condition) for number in range(count)]
        begun_s = time.perf_counter()
        await self.book.apply(observations, system_clock())
        while [sink.alerts[status] for sink in self.sinks.values()] != wanted:
            await asyncio.sleep(0.01)
            if time.perf_counter() - begun_s > _PATIENCE_S:
                raise BenchmarkError(f"after {_PATIENCE_S:g} s not all alerts are handed over")
        return time.perf_counter() - begun_s


def _observation(number: int, condition: Condition) -> Observation:
    instance = f"host-{number:05}.example.org:9100"
    labels = Labels.of(
        alertname="HostDown",
        cluster=f"cluster-{number % _CLUSTERS:02}",
        instance=instance,
        job="node",
        severity="critical",
    )
    texts = Labels.of(
        summary=f"{instance} is down",
        description=f"{instance} has not answered a scrape for more than a minute.",
    )
    annotations = texts if condition is Condition.HOLDS else None
    key = AlertKey("hosts/HostDown", labels)
    return Observation(key, condition, RuleTiming(), 0.0, labels, annotations, "up == 0")


async def _measure(directory: Path, count: int) -> dict[str, float]:
    records = Records(directory / "records.db")
    await asyncio.to_thread(records.open)
    pipeline = _Pipeline(records.alerts)
    await pipeline.router.start(())
    tasks = [asyncio.create_task(pipeline.router.run())]
    tasks += [asyncio.create_task(pipeline.delivery.run(name)) for name in pipeline.sinks]
    try:
        # Imports and caches of a few alerts are no growth.
        await pipeline.measure(_CLUSTERS, Condition.HOLDS)
        await pipeline.measure(_CLUSTERS, Condition.CLEAR)
        before = psutil.Process().memory_info().rss
        sent = sum(sink.bodies for sink in pipeline.sinks.values())
        used_s = time.process_time()
        handed_over_s = await pipeline.measure(count, Condition.HOLDS)
        cpu_s = time.process_time() - used_s
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        notifications = sum(sink.bodies for sink in pipeline.sinks.values()) - sent
        resolved_s = await pipeline.measure(count, Condition.CLEAR)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(records.close)
    return {
        "handed_over_s": handed_over_s,
        "cpu_s": cpu_s,
        "resolved_s": resolved_s,
        "growth_mb": (peak - before) / 1e6,
        "notifications": float(notifications),
    }


def compare(options: argparse.Namespace) -> Report:
    """Measure alerts that fire at once, and their end."""
    with work_directory(options.work_dir) as directory:
        figures = asyncio.run(_measure(directory, options.alerts))
    setup = (
        f"{options.alerts:,} alerts of {_CLUSTERS} clusters at once, grouped by alertname and"
        " cluster, to two receivers; without group_wait, a group_interval of 1 s"
    )
    results = {Redshank.key: figures}
    return Report("alerts", setup, _MEASURES, results, titles([Redshank]), _LIMITS)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure alerts that fire at once."""
    parser = plain_parser("alerts", main.__doc__)
    parser.add_argument("--alerts", type=int, default=10_000, help="how many")
    run(compare, parser.parse_args(arguments))


if __name__ == "__main__":
    main()
