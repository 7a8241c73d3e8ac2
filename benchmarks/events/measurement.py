"""Measures events step by step."""

import argparse
import json
import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from benchmarks.events.findings import EventFindings
from benchmarks.harness.contenders.contender import ScrapePlan
from benchmarks.harness.contenders.servers import Redshank
from benchmarks.harness.events.event_history import EventHistory
from benchmarks.harness.events.event_reports import (
    FUNNEL_REPORT,
    Rows,
    TimedReport,
    reports,
    require_agreement,
    time_peer,
    time_report,
)
from benchmarks.harness.events.postgres import postgres_programs, running_postgres
from benchmarks.harness.events.projects import create_project
from benchmarks.harness.events.request_load import BodyFile, request_load
from benchmarks.harness.reporting.command import progress

_MS_PER_MINUTE: Final = 60_000
_TRACK_BODIES: Final = 20_000
_ROUTES: Final = ("/items/{id}", "/cart", "/orders/{id}", "/search", "/login", "/health")


class EventServer(Redshank):
    """A server that scrapes nothing."""

    @property
    def event_files(self) -> list[Path]:
        """The files of the event store."""
        return list(self.data_directory.glob("events.duckdb*"))

    def stop(self) -> None:
        """Stop the server as an operator does."""
        os.kill(self.pid, signal.SIGTERM)
        self.wait_success()

    def peak_rss_mb(self) -> float:
        """Return the largest resident memory so far."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(peak.split()[1]) * 1024 / 1e6


class EventBench:
    """Measures step by step; the figures are in `findings`."""

    def __init__(self, options: argparse.Namespace, directory: Path) -> None:
        self._options, self._directory = options, directory
        end_ms = time.time_ns() // 10**6 // _MS_PER_MINUTE * _MS_PER_MINUTE
        self._history = EventHistory(options.events, options.persons, end_ms, options.seed)
        self._own: dict[str, tuple[float, Rows]] = {}
        self.findings = EventFindings(
            f"{options.events:,} events of {options.persons:,} persons, batches of"
            f" {options.batch:,} over {options.connections} connections; {os.cpu_count()} CPUs"
        )

    def run(self) -> None:
        """Measure everything."""
        programs = None if self._options.no_postgres else postgres_programs()
        table = None if programs is None else self._directory / "events.tsv"
        bodies = self._directory / "events.bodies"
        with EventServer(ScrapePlan((), 15.0), self._directory) as server:
            project, key = create_project(server)
            progress("writing the requests")
            self._history.write(project, self._options.batch, bodies, table)
            self._ingest(server, bodies)
            self._report(server, project)
            self.findings.figures["rss_peak_mb"] = server.peak_rss_mb()
            server.stop()
            size_bytes = sum(path.stat().st_size for path in server.event_files)
            self.findings.figures["disk_bytes_per_event"] = size_bytes / self._history.events
            begun_s = time.monotonic()
            server.start()
            server.wait_ready()
            self._track(server, key)
            self.findings.figures["restart_and_track_s"] = time.monotonic() - begun_s
        bodies.unlink()
        if programs is None or table is None:
            self.findings.notes.append("PostgreSQL is not installed or not wanted: no ratios")
            return
        self._compare(programs, table, project, size_bytes)

    def _ingest(self, server: EventServer, bodies: Path) -> None:
        progress(f"{self._history.events:,} events arrive")
        url = f"{server.url}/v1/events/batch"
        used = server.usage().cpu_s
        load = request_load(
            "event_load", url, bodies, self._directory, connections=self._options.connections
        )
        with load:
            sent = load.wait_figures()
        cpu_s = server.usage().cpu_s - used
        self.findings.figures |= {
            "ingest_events_s": self._history.events / sent["elapsed_s"],
            "ingest_cpu_us_per_event": cpu_s * 1e6 / self._history.events,
            "ingest_p99_ms": sent["p99_ms"],
        }

    def _report(self, server: EventServer, project: str) -> None:
        figures = self.findings.figures
        for report in reports(self._history, project):
            progress(f"report {report.key}")
            self._own[report.key] = taken_s, _ = time_report(server, report)
            figures[f"{report.key}_s"] = taken_s
        counts = [figures[f"{key}_s"] for key in ("overview", "top_events", "daily")]
        figures["reports_worst_s"] = max(counts)

    def _track(self, server: EventServer, key: str) -> None:
        path = self._directory / "track.bodies"
        with BodyFile.writer(path) as add:
            for number in range(_TRACK_BODIES):
                add(_tracked_request(number))
        progress(f"requests are tracked for {self._options.track_seconds:g} s")
        load = request_load(
            "track_load",
            f"{server.url}/api/v1/track",
            path,
            self._directory,
            connections=self._options.track_connections,
            seconds=self._options.track_seconds,
            key=key,
        )
        used = server.usage().cpu_s
        with load:
            sent = load.wait_figures()
        cpu_s = server.usage().cpu_s - used
        self.findings.figures |= {
            "track_requests_s": sent["requests"] / sent["elapsed_s"],
            "track_cpu_us_per_request": cpu_s * 1e6 / sent["requests"],
            "track_p99_ms": sent["p99_ms"],
        }

    def _compare(self, programs: Path, table: Path, project: str, size_bytes: int) -> None:
        figures = self.findings.figures
        with running_postgres(programs, self._options.work_dir) as peer:
            progress(f"PostgreSQL {peer.version} loads the events")
            peer_bytes = peer.load(table)
            figures["ratio_disk"] = size_bytes / peer_bytes
            ratios: dict[str, float] = {}
            for report in _with_peer(reports(self._history, project)):
                progress(f"PostgreSQL: report {report.key}")
                taken_s, rows = time_peer(peer, report)
                own_s, own_rows = self._own[report.key]
                require_agreement(report, own_rows, rows)
                figures[f"postgres_{report.key}_s"] = taken_s
                ratios[report.key] = own_s / taken_s
        figures["ratio_funnel"] = ratios.pop(FUNNEL_REPORT)
        figures["ratio_reports_worst"] = max(ratios.values())
        figures["postgres_bytes_per_event"] = peer_bytes / self._history.events


def _with_peer(found: Sequence[TimedReport]) -> Iterator[TimedReport]:
    return (report for report in found if report.statement)


def _tracked_request(number: int) -> bytes:
    route = _ROUTES[number % len(_ROUTES)]
    request = {
        "method": "GET" if number % 4 else "POST",
        "path": route.replace("{id}", str(number)),
        "route": route,
        "status_code": 500 if number % 97 == 0 else 404 if number % 31 == 0 else 200,
        "response_time_ms": 5 + number % 40 + (number % 13) / 8,
        "consumer": f"customer-{number % 50}",
        "ip_address": f"10.0.{number % 200}.{number % 250}",
    }
    return json.dumps(request).encode()
