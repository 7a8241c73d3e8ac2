"""The servers that benchmarks compare: Redshank, Prometheus, VictoriaMetrics."""

import importlib.metadata
import json
import secrets
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from benchmarks.harness.contenders.contender import Contender, ScrapePlan
from benchmarks.harness.contenders.versions import program_version
from benchmarks.harness.loopback import fetch
from benchmarks.harness.processes import BenchmarkError, finish


class Redshank(Contender):
    """The whole server of this checkout, with web, rules and host checks.

    It runs from compiled bytecode, as an installed server does, whatever the environment
    and the checkout hold: a server that compiles its own modules takes 10 MB more.
    """

    key = "redshank"
    title = "Redshank"
    program = sys.executable

    def __init__(self, plan: ScrapePlan, directory: Path) -> None:
        self._password = secrets.token_urlsafe(16)
        self._token = ""
        self._directory, self._bytecode = directory, directory / "bytecode"
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
        return {"REDSHANK_ADMIN_PASSWORD": self._password, **self._bytecode_variables()}

    def _bytecode_variables(self) -> dict[str, str]:
        return {"PYTHONPYCACHEPREFIX": str(self._bytecode), "PYTHONDONTWRITEBYTECODE": ""}

    def start(self) -> None:
        if not self._bytecode.exists():
            command = [sys.executable, "-c", "import daemon.server.server, daemon.commands.server"]
            finish("compile", command, self._directory, self._bytecode_variables())
        super().start()

    def log_in(self) -> None:
        """Get a token for requests; it stays valid over a restart, and for a day."""
        login = json.dumps({"username": "admin", "password": self._password}).encode()
        headers = {"Content-Type": "application/json"}
        answer = json.loads(fetch(f"{self.url}/auth/token", data=login, headers=headers))
        headers["Authorization"] = f"Bearer {answer['access_token']}"
        lasting = json.dumps({"label": "benchmark", "lifetime_days": 1}).encode()
        url = f"{self.url}/api/users/admin/tokens"
        self._token = json.loads(fetch(url, data=lasting, headers=headers))["access_token"]

    def headers(self) -> dict[str, str]:
        if not self._token:
            self.log_in()
        return {"Authorization": f"Bearer {self._token}"}


class Prometheus(Contender):
    """The program `prometheus`."""

    key = "prometheus"
    title = "Prometheus"
    program = "prometheus"

    @classmethod
    def version(cls) -> str:
        return program_version(cls.program)

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
    """The program `victoria-metrics`."""

    key = "victoriametrics"
    title = "VictoriaMetrics"
    program = "victoria-metrics"
    ready_path = "/health"

    @classmethod
    def version(cls) -> str:
        return program_version(cls.program)

    def configure(self) -> None:
        self.configuration.write_text(self.plan.prometheus_configuration())

    def command(self) -> list[str]:
        return [
            self.program,
            f"-promscrape.config={self.configuration}",
            f"-storageDataPath={self.data_directory}",
            f"-httpListenAddr={self.listen}",
            # By default queries hide the last 30 s.
            "-search.latencyOffset=1s",
        ]

    def flush(self) -> None:
        fetch(f"{self.url}/internal/force_flush")


CONTENDERS: tuple[type[Contender], ...] = (Redshank, Prometheus, VictoriaMetrics)


def choose(keys: Sequence[str]) -> list[type[Contender]]:
    """Return the installed contenders among these keys.

    Raises:
        BenchmarkError: none is installed.
    """
    chosen = [contender for contender in CONTENDERS if contender.key in keys]
    installed = [contender for contender in chosen if contender.available()]
    for missing in set(chosen) - set(installed):
        print(f"{missing.program} is not installed: left out", file=sys.stderr)
    if not installed:
        raise BenchmarkError("no contender is installed")
    return installed


def titles(contenders: Iterable[Contender | type[Contender]]) -> dict[str, str]:
    """Return name and version of each contender, by key."""
    return {each.key: f"{each.title} {each.version()}" for each in contenders}


def redshank_command(*arguments: str) -> list[str]:
    """Return a `redshank` command line that runs this checkout."""
    return [sys.executable, "-m", "daemon.cli", *arguments]
