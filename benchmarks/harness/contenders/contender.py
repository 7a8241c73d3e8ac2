"""A server in a comparison, as its users run it.

It has its default settings, a free loopback port and its own data directory, and
scrapes the targets of a fleet.
"""

import json
import os
import shutil
import signal
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from benchmarks.harness.contenders.query_paths import instant_path
from benchmarks.harness.loopback import fetch, free_port
from benchmarks.harness.processes import Child


@dataclass(frozen=True, slots=True)
class ScrapePlan:
    """The targets that a contender scrapes, as `HOST:PORT`, and the scrape interval."""

    targets: Sequence[str]
    interval_s: float

    def prometheus_configuration(self, rule_file: Path | None = None) -> str:
        """Return the plan as a prometheus.yml, which VictoriaMetrics reads as well."""
        every = f"{round(self.interval_s * 1000)}ms"
        job = {"job_name": "node", "static_configs": [{"targets": list(self.targets)}]}
        scraping = {"scrape_interval": every, "scrape_timeout": every}
        rules = {"rule_files": [str(rule_file)]} if rule_file else {}
        return json.dumps({"global": scraping, "scrape_configs": [job], **rules})  # JSON is YAML

    def redshank_configuration(self, rule_file: Path | None = None) -> str:
        """Return the plan as a redshank.yml; the targets are hosts, so that host checks run."""
        every = f"{round(self.interval_s * 1000)}ms"
        job = {"name": "node", "hosts": True, "targets": list(self.targets)}
        scrape = {"interval": every, "timeout": every, "jobs": [job]}
        # Recorded hosts have the clock of their recording.
        alerting: dict[str, object] = {"checks": {"clock": {"enabled": False}}}
        if rule_file:
            alerting["rule_files"] = [str(rule_file)]
        return json.dumps({"scrape": scrape, "alerting": alerting})


class Contender(Child, ABC):
    """A server that runs while a `with` block runs.

    Args:
        plan: what it scrapes.
        directory: an empty directory for its configuration, data and log.

    Attributes:
        rule_file: rules in Prometheus's format; read at the next start or reload.
    """

    key: ClassVar[str]
    """The contender's name in JSON."""
    title: ClassVar[str]
    program: ClassVar[str]
    ready_path: ClassVar[str] = "/-/ready"

    def __init__(self, plan: ScrapePlan, directory: Path) -> None:
        self.plan = plan
        self.rule_file: Path | None = None
        self.data_directory = directory / "data"
        self.configuration = directory / "configuration.yml"
        self.listen = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.listen}"
        ready_url = self.url + self.ready_path
        super().__init__(self.key, self.command(), directory, ready_url, self.variables())

    @classmethod
    def available(cls) -> bool:
        """Return whether its program is installed."""
        return shutil.which(cls.program) is not None

    @classmethod
    @abstractmethod
    def version(cls) -> str:
        """Return the version of its program."""

    @abstractmethod
    def configure(self) -> None:
        """Write the configuration file."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return the command line."""

    def variables(self) -> dict[str, str]:
        """Return variables to add to its environment."""
        return {}

    def headers(self) -> dict[str, str]:
        """Return the headers of a request."""
        return {}

    def start(self) -> None:
        self.configure()
        super().start()

    def reload(self) -> None:
        """Write the configuration and have the server reload it."""
        self.configure()
        os.kill(self.pid, signal.SIGHUP)

    def flush(self) -> None:
        """Make all stored samples visible to queries, if the server buffers them."""

    def query(self, expression: str, time_s: float) -> list[float]:
        """Return the values of an instant query.

        Raises:
            OSError: the server does not answer, or not yet.
        """
        return [float(sample["value"][1]) for sample in self.ask(expression, time_s)]

    def ask(self, expression: str, time_s: float) -> list[Any]:
        """Return the result of an instant query.

        Raises:
            OSError: the server does not answer, or not yet.
        """
        url = self.url + instant_path(expression, time_s)
        found: list[Any] = json.loads(fetch(url, headers=self.headers()))["data"]["result"]
        return found

    def post(self, path: str) -> None:
        """Send a POST request without a body."""
        fetch(self.url + path, data=b"", headers=self.headers())

    def post_file(self, path: str, content: Path) -> None:
        """Send a file in a POST request."""
        length = {"Content-Length": str(content.stat().st_size)}
        with content.open("rb") as file:
            fetch(self.url + path, file, {**self.headers(), **length}, timeout_s=600)
