"""PostgreSQL as a peer: a server of its own with the events as the replaced service keeps them.

Tables and indexes are those of apptracker-backend (`shared/replaces/apptracker-backend.md`);
the primary key stands for the `_id` of its documents.
"""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

from benchmarks.harness.loopback import free_port
from benchmarks.harness.processes import BenchmarkError

_DEBIAN: Final = Path("/usr/lib/postgresql")
_DATABASE: Final = "postgres"
_SETTINGS: Final = {
    # As much as the event store's default bound; its own default is 128 MB.
    "shared_buffers": "512MB",
    "work_mem": "64MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "30min",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
}
_TABLE: Final = """
create table events (
    id bigserial primary key, project_key text not null, event_name text not null,
    timestamp timestamptz not null, received_at timestamptz not null,
    anonymous_id text, user_id text, properties jsonb not null)
"""
_COPY: Final = (
    "copy events (project_key, event_name, timestamp, received_at, anonymous_id, user_id,"
    " properties) from stdin"
)
_INDEXES: Final = (
    "create index on events (project_key, timestamp)",
    "create index on events (project_key, event_name, timestamp)",
    "create index on events (project_key, received_at)",
    "create index on events (project_key, event_name, received_at)",
)


def postgres_programs() -> Path | None:
    """Return the directory of the newest installed PostgreSQL server, None without one."""
    found = [path.parent for path in _DEBIAN.glob("*/bin/postgres")]
    if found:
        return max(found, key=lambda path: int(path.parent.name))
    program = shutil.which("postgres")
    return Path(program).parent if program else None


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server.

    Attributes:
        programs: where its programs are.
        port: on 127.0.0.1.
        user: the name of the user that it runs as.
    """

    programs: Path
    port: int
    user: str

    @property
    def version(self) -> str:
        """Its version."""
        return self.run("show server_version").split()[0]

    def run(self, *statements: str, rows: Path | None = None) -> str:
        """Run statements; return the rows as text.

        Args:
            statements: one after the other.
            rows: the input of a COPY.

        Raises:
            BenchmarkError: one failed.
        """
        command = [
            str(self.programs / "psql"),
            *("--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"),
            *(f"--host=127.0.0.1 --port={self.port} --username={self.user}".split()),
            f"--dbname={_DATABASE}",
        ]
        for statement in statements:
            command += ["--command", statement]
        with Path(os.devnull if rows is None else rows).open("rb") as source:
            done = subprocess.run(
                command, stdin=source, capture_output=True, text=True, check=False
            )
        if done.returncode:
            raise BenchmarkError(f"PostgreSQL: {done.stderr[-1000:]}")
        return done.stdout

    def timed(self, statement: str, times: int) -> tuple[float, str]:
        """Return the shortest time of a statement in seconds, and its rows."""
        output = self.run("\\timing on", *[statement] * times)
        lines = output.splitlines()
        taken_ms = [float(line.split()[1]) for line in lines if line.startswith("Time: ")]
        rows = [line for line in lines if not line.startswith(("Time: ", "Timing is"))]
        return min(taken_ms) / 1000, "\n".join(rows[: len(rows) // times])

    def load(self, rows: Path) -> int:
        """Load the events; return the size of table and indexes in bytes."""
        self.run(_TABLE)
        self.run(_COPY, rows=rows)
        self.run(*_INDEXES, "vacuum analyze events")
        return int(self.run("select pg_total_relation_size('events')"))


@contextmanager
def running_postgres(programs: Path, parent: Path | None) -> Iterator[Postgres]:
    """Run a server in a temporary directory for a `with` block.

    PostgreSQL refuses to run as root; for root it runs as `postgres` or `nobody`.
    """
    directory = Path(mkdtemp(prefix="redshank-bench-postgres-", dir=parent))
    identity: dict[str, Any] = {}
    user = pwd.getpwuid(os.getuid())
    if not user.pw_uid:
        user = _unprivileged()
        os.chown(directory, user.pw_uid, user.pw_gid)
        identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    data, log = directory / "data", directory / "log"
    server: subprocess.Popen[bytes] | None = None
    try:
        initialise = [
            str(programs / "initdb"),
            *("--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"),
            *(f"--username={user.pw_name}", f"--pgdata={data}"),
        ]
        done = subprocess.run(
            initialise, capture_output=True, text=True, cwd=directory, check=False, **identity
        )
        if done.returncode:
            raise BenchmarkError(f"initdb: {done.stderr[-1000:]}")
        port = free_port()
        command = [str(programs / "postgres"), "-D", str(data), f"-p{port}"]
        command += [f"-c{name}={value}" for name, value in _SETTINGS.items()]
        with log.open("wb") as output:
            server = subprocess.Popen(
                command, stdout=output, stderr=output, cwd=directory, **identity
            )
        found = Postgres(programs, port, user.pw_name)
        _wait_ready(found, server, log)
        yield found
    finally:
        if server is not None:
            # SIGINT: the fast shutdown, which ends all sessions.
            server.send_signal(signal.SIGINT)
            server.wait()
        shutil.rmtree(directory, ignore_errors=True)


def _unprivileged() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise BenchmarkError("PostgreSQL does not run as root, and there is no user 'nobody'")


def _wait_ready(server: Postgres, process: "subprocess.Popen[bytes]", log: Path) -> None:
    command = [str(server.programs / "pg_isready"), "--quiet", "--timeout=60"]
    command += ["--host=127.0.0.1", f"--port={server.port}"]
    while subprocess.run(command, check=False).returncode:
        if process.poll() is not None:
            raise BenchmarkError(f"PostgreSQL ended:\n{log.read_text()[-1000:]}")
        # pg_isready returns at once where nothing listens yet.
        _pause(process)


def _pause(process: "subprocess.Popen[bytes]", pause_s: float = 0.1) -> None:
    """Wait a moment, or until a process ends."""
    try:
        process.wait(pause_s)
    except subprocess.TimeoutExpired:
        return
