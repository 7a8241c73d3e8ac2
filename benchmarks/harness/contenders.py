"""The servers that are compared: Redshank, Prometheus, VictoriaMetrics.

Each is started as its users start it, with its defaults, on a free loopback port and a
data directory of its own, scraping the targets of one fleet.
"""

import importlib.metadata
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from benchmarks.harness.loopback import fetch, free_port
from benchmarks.harness.processes import BenchmarkError, Child
from benchmarks.harness.query_paths import instant_path


@dataclass(frozen=True, slots=True)
class ScrapePlan:
    """What a contender scrapes: `HOST:PORT` of each target, and how often."""

    targets: Sequence[str]
    interval_s: float

    def prometheus_configuration(self, rule_file: Path | None = None) -> str:
        """Return it in Prometheus's format, which VictoriaMetrics reads as well."""
        every = f"{round(self.interval_s * 1000)}ms"
        job = {"job_name": "node", "static_configs": [{"targets": list(self.targets)}]}
        scraping = {"scrape_interval": every, "scrape_timeout": every}
        rules = {"rule_files": [str(rule_file)]} if rule_file else {}
        return json.dumps({"global": scraping, "scrape_configs": [job], **rules})  # JSON is YAML

    def redshank_configuration(self, rule_file: Path | None = None) -> str:
        """Return it in Redshank's format; the targets are hosts, so host checks run."""
        every = f"{round(self.interval_s * 1000)}ms"
        job = {"name": "node", "hosts": True, "targets": list(self.targets)}
        scrape = {"interval": every, "timeout": every, "jobs": [job]}
        rules = {"alerting": {"rule_files": [str(rule_file)]}} if rule_file else {}
        return json.dumps({"scrape": scrape, **rules})


class Contender(Child, ABC):
    """One server, running for the time of a `with` block.

    Args:
        plan: what it scrapes.
        directory: an empty one, for its configuration, data and log.

    Attributes:
        rule_file: rules in Prometheus's format to evaluate from the next start on.
    """

    key: ClassVar[str]
    """Its name in JSON."""
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
        """Tell whether its program is installed."""
        return shutil.which(cls.program) is not None

    @classmethod
    @abstractmethod
    def version(cls) -> str:
        """Return the version of its program."""

    @abstractmethod
    def configure(self) -> None:
        """Write its configuration."""

    @abstractmethod
    def command(self) -> list[str]:
        """Return its command line."""

    def variables(self) -> dict[str, str]:
        """Return what its environment has beside ours."""
        return {}

    def headers(self) -> dict[str, str]:
        """Return what a query must carry."""
        return {}

    def start(self) -> None:
        self.configure()
        super().start()

    def reload(self) -> None:
        """Make it read its configuration again, with the rule file of now."""
        self.configure()
        os.kill(self.pid, signal.SIGHUP)

    def query(self, expression: str, time_s: float) -> list[float]:
        """Return the values of an instant query.

        Raises:
            OSError: it does not answer, or not yet.
        """
        return [float(sample["value"][1]) for sample in self.ask(expression, time_s)]

    def ask(self, expression: str, time_s: float) -> list[Any]:
        """Return the series that an instant query has as its result.

        Raises:
            OSError: it does not answer, or not yet.
        """
        url = self.url + instant_path(expression, time_s)
        found: list[Any] = json.loads(fetch(url, headers=self.headers()))["data"]["result"]
        return found

    def post(self, path: str) -> None:
        """POST nothing: order something."""
        fetch(self.url + path, data=b"", headers=self.headers())

    def post_file(self, path: str, content: Path) -> None:
        """POST a file."""
        length = {"Content-Length": str(content.stat().st_size)}
        with content.open("rb") as file:
            fetch(self.url + path, file, {**self.headers(), **length}, timeout_s=600)


class Redshank(Contender):
    """This checkout, the whole server: web, rules and host checks on."""

    key = "redshank"
    title = "Redshank"
    program = sys.executable

    def __init__(self, plan: ScrapePlan, directory: Path) -> None:
        self._password = secrets.token_urlsafe(16)
        self._token = ""
        super().__init__(plan, directory)

    @classmethod
    def version(cls) -> str:
        return importlib.metadata.version("redshank")

    def configure(self) -> None:
        self.configuration.write_text(self.plan.redshank_configuration(self.rule_file))

    def command(self) -> list[str]:
        return [
            *redshank_command("server"),
            *("--config", str(self.configuration)),
            *("--data-dir", str(self.data_directory)),
            *("--listen", self.listen),
        ]

    def variables(self) -> dict[str, str]:
        return {"REDSHANK_ADMIN_PASSWORD": self._password}

    def log_in(self) -> None:
        """Get the token that queries carry; it outlives a restart."""
        login = json.dumps({"username": "admin", "password": self._password}).encode()
        headers = {"Content-Type": "application/json"}
        answer = json.loads(fetch(f"{self.url}/auth/token", data=login, headers=headers))
        self._token = answer["access_token"]

    def headers(self) -> dict[str, str]:
        if not self._token:
            self.log_in()
        return {"Authorization": f"Bearer {self._token}"}


class Prometheus(Contender):
    """Debian's prometheus."""

    key = "prometheus"
    title = "Prometheus"
    program = "prometheus"

    @classmethod
    def version(cls) -> str:
        return first_line([cls.program, "--version"]).split()[2].partition("+")[0]

    def configure(self) -> None:
        self.configuration.write_text(self.plan.prometheus_configuration(self.rule_file))

    def command(self) -> list[str]:
        return [
            self.program,
            f"--config.file={self.configuration}",
            f"--storage.tsdb.path={self.data_directory}",
            f"--web.listen-address={self.listen}",
        ]


class VictoriaMetrics(Contender):
    """Debian's victoria-metrics."""

    key = "victoriametrics"
    title = "VictoriaMetrics"
    program = "victoria-metrics"
    ready_path = "/health"

    @classmethod
    def version(cls) -> str:
        # Debian's build does not know its own version.
        package = first_line(["dpkg-query", "--show", "--showformat=${Version}", cls.program])
        return package.partition("+")[0]

    def configure(self) -> None:
        self.configuration.write_text(self.plan.prometheus_configuration())

    def command(self) -> list[str]:
        return [
            self.program,
            f"-promscrape.config={self.configuration}",
            f"-storageDataPath={self.data_directory}",
            f"-httpListenAddr={self.listen}",
            # Queries only: by default they hide the last 30 s.
            "-search.latencyOffset=1s",
        ]


CONTENDERS: tuple[type[Contender], ...] = (Redshank, Prometheus, VictoriaMetrics)


def choose(keys: Sequence[str]) -> list[type[Contender]]:
    """Return the contenders of these keys, without those that are not installed.

    Raises:
        BenchmarkError: none is left.
    """
    chosen = [contender for contender in CONTENDERS if contender.key in keys]
    installed = [contender for contender in chosen if contender.available()]
    for missing in set(chosen) - set(installed):
        print(f"{missing.program} is not installed: left out", file=sys.stderr)
    if not installed:
        raise BenchmarkError("no contender is installed")
    return installed


def titles(contenders: Iterable[Contender | type[Contender]]) -> dict[str, str]:
    """Return names and versions for a table, by their keys."""
    return {each.key: f"{each.title} {each.version()}" for each in contenders}


def redshank_command(*arguments: str) -> list[str]:
    """Return the command line of a `redshank` command of this checkout."""
    return [sys.executable, "-m", "daemon.cli", *arguments]


def first_line(command: Sequence[str]) -> str:
    """Return the first line that a command prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return (done.stdout or done.stderr).splitlines()[0]
