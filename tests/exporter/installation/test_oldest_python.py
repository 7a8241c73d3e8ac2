"""The exporter as one file runs on Python 3.9, as Debian 11 has it."""

import json
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread

import pytest

from exporter.gathering.catalogue import OPT_IN
from exporter.pushing.push_queue import PushQueue
from exporter.roots import Roots
from tests.exporter.host_tree import FIXTURES, unpack
from tests.exporter.installation.archive_process import ARGUMENTS, command, running, scrape
from tests.exporter.installation.oldest_python import OLDEST, oldest_python
from tests.patience import PATIENCE_S
from tests.ports import free_port

FIELD = Path(__file__).parents[3].parent / "shared" / "field" / "node_exporter"
# These ask the kernel or a program on this machine, whatever tree the options name.
OF_THIS_MACHINE = ("addresses", "ethtool", "network_route", "qdisc", "tcpstat", "updates", "wifi")
# So do these values.
MEASURED = re.compile(r"node_(time|timex|filesystem|textfile|scrape_collector_duration|uname)_")


@pytest.fixture
def python() -> str:
    found = oldest_python()
    if found is None:
        pytest.skip("no Python 3.9 here; REDSHANK_OLDEST_PYTHON can name one")
    return found


def test_code_of_the_file_needs_no_newer_python(archive: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(archive) as members:
        own = [name for name in members.namelist() if name.startswith(("exporter/", "model/"))]
        sources = [name for name in own if name.endswith(".py")]
        members.extractall(tmp_path, sources)
    target = ".".join(str(number) for number in OLDEST)
    arguments = [f"--target={target}-", "--no-tips", "--violations", "--eval-annotations"]
    # It chooses by the version which of the two to import.
    arguments += ["--exclude", "tomllib"]
    paths = [str(tmp_path / name) for name in sources]
    found = subprocess.run(
        [sys.executable, "-c", "import vermin; vermin.main()", *arguments, *paths],
        capture_output=True,
        text=True,
    )
    assert len(sources) > 150
    assert found.returncode == 0, found.stdout.replace(str(tmp_path), "")


def test_every_module_of_the_file_is_imported(archive: Path, python: str) -> None:
    with zipfile.ZipFile(archive) as members:
        modules = [
            name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            for name in members.namelist()
            if name.startswith(("exporter/", "model/")) and name.endswith(".py")
        ]
    modules.remove("exporter.__main__")
    script = "import sys, importlib; sys.path.insert(0, sys.argv[1])\n"
    script += "for name in sys.argv[2:]: importlib.import_module(name)\n"
    # bcrypt's library, which the launcher unpacks, is imported with a configuration file only.
    script += "print('imported')"
    done = subprocess.run(
        [python, "-I", "-S", "-W", "error", "-c", script, archive, *modules],
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr) == ("imported\n", "")


def trees(tmp_path: Path) -> Iterator[Roots]:
    yield unpack(FIXTURES / "bare_metal.tree", tmp_path / "bare")
    if FIELD.exists():
        with tarfile.open(FIELD / "fixtures.tar.xz") as packed:
            packed.extractall(tmp_path / "field", filter="tar")
        root = tmp_path / "field"
        yield Roots(str(root / "proc"), str(root / "sys"), str(root), str(root / "udev/data"))


def text_of(archive: Path, python: str, home: Path, *arguments: str) -> str:
    with running(archive, *ARGUMENTS, *arguments, python=python, HOME=str(home)) as connection:
        return scrape(connection)


@pytest.mark.slow
def test_series_and_values_are_those_of_a_newer_python(
    archive: Path, python: str, tmp_path: Path
) -> None:
    def lines(python: str) -> list[str]:
        text = text_of(archive, python, tmp_path, *arguments)
        return [
            line.rpartition(" ")[0] if MEASURED.match(line) else line for line in text.split("\n")
        ]

    chosen = [f"--collector.{name}" for name in OPT_IN.keys() - set(OF_THIS_MACHINE)]
    for roots in trees(tmp_path):
        arguments = [
            *(f"--path.procfs={roots.proc}", f"--path.sysfs={roots.sys}"),
            *(f"--path.rootfs={roots.rootfs}", f"--path.udev.data={roots.udev}"),
            *("--web.disable-exporter-metrics", "--collector-timeout=60"),
            *("--no-collector.addresses", "--collector.sysctl.include=kernel.pid_max", *chosen),
        ]
        found = lines(python)
        assert len(found) > 500
        assert found == lines(sys.executable)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in OF_THIS_MACHINE if name != "updates"])
def test_kernel_is_asked_as_by_a_newer_python(
    archive: Path, python: str, tmp_path: Path, name: str
) -> None:
    success = re.compile(r"^node_scrape_collector_success.*", re.MULTILINE)
    arguments = (f"--collector.{name}", f"--collector={name}")
    old, new = (text_of(archive, each, tmp_path, *arguments) for each in (python, sys.executable))
    assert success.findall(old) == success.findall(new) != []


class Receiver(ThreadingHTTPServer):
    """Answers 503 to the first push, and takes those that follow."""

    def __init__(self) -> None:
        self.statuses: Queue[int] = Queue()
        self.taken: Queue[tuple[str, str]] = Queue()
        self.statuses.put(503)
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status = 200 if self.server.statuses.empty() else self.server.statuses.get()
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()
        if status == 200:
            self.server.taken.put((self.path, self.headers["Authorization"]))

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        thread = Thread(target=receiver.serve_forever)
        thread.start()
        yield receiver
        receiver.shutdown()
        thread.join()


def test_pushes_wait_for_the_server(
    archive: Path, python: str, receiver: Receiver, tmp_path: Path
) -> None:
    file = tmp_path / "agent_config.json"
    file.write_text(json.dumps({"api_url": receiver.url, "host_key": "a-key-of-this-host"}))
    arguments = ("--push-config", str(file), "--push-interval", "1", "--collector", "loadavg")
    process = subprocess.Popen(
        command(archive, *arguments, "--push-queue", str(tmp_path / "queue"), python=python),
        stderr=subprocess.PIPE,
        text=True,
        env={"HOME": str(tmp_path)},
    )
    try:
        for _ in range(2):
            taken = receiver.taken.get(timeout=PATIENCE_S)
            assert taken == ("/report", "Bearer a-key-of-this-host")
        process.terminate()
        _, log = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, "push_failed" in log, "push_resumed" in log) == (0, True, True)


def test_end_of_a_task_is_pushed(
    archive: Path, python: str, receiver: Receiver, tmp_path: Path
) -> None:
    receiver.statuses.get()
    file = tmp_path / "config.toml"
    file.write_text(f'[upload_queue]\napi_endpoint = "{receiver.url}"\napi_key = "a-long-token"\n')
    done = subprocess.run(
        command(archive, "push", "--config", str(file), "--run", "false", python=python),
        capture_output=True,
        text=True,
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
    )
    assert (done.returncode, done.stderr) == (1, "")
    taken = receiver.taken.get(timeout=PATIENCE_S)
    assert taken == ("/api/v1/write", "Bearer a-long-token")


def test_sample_without_a_server_waits_in_the_queue(
    archive: Path, python: str, tmp_path: Path
) -> None:
    url, queue = f"http://127.0.0.1:{free_port()}", tmp_path / "queue"
    options = ("--url", url, "--key", "a-long-token", "--queue", str(queue))
    done = subprocess.run(
        command(archive, "push", *options, "backup_size_bytes", "-1", python=python),
        capture_output=True,
        text=True,
        env={"HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    assert len(PushQueue(queue)) == 1
