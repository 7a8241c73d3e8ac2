"""The exporter and the server on a minimal Debian, which has python3 and systemd only.

REDSHANK_CLEAN_DEBIAN is the tree that debootstrap made; `.ci/clean-debian` makes one.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.bundle import build
from tests.package.builder import package_builder
from tests.systemd.machine import Machine, booted, wait_for, why_not

TREE = os.environ.get("REDSHANK_CLEAN_DEBIAN", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.peer,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not TREE, reason="REDSHANK_CLEAN_DEBIAN names no tree of debootstrap"),
]
READ = (
    "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9100/metrics').read().decode())"
)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    if reason := why_not():
        pytest.skip(reason)
    with booted(tmp_path / "systemd.log", Path(TREE)) as machine:
        yield machine


# What the system's own programs write: logs, dpkg's and apt's records, systemd's state.
OF_THE_SYSTEM = tuple(
    f"/{path}"
    for path in (
        *("etc/machine-id", "var/log/", "var/lib/dpkg/", "var/lib/systemd/"),
        *("var/cache/apt/", "var/cache/debconf/", "var/cache/ldconfig/"),
    )
)
# systemd makes these for the first dynamic user, and leaves them.
FOR_ALL_USERS = {"/var/lib/private", "/var/cache/private"}


def files(machine: Machine) -> set[str]:
    """Return all files and directories that a program may have written."""
    listed = machine.shell("find /etc /opt /usr /var /root /home -xdev").split("\n")
    found = {path for path in listed if not path.startswith(OF_THE_SYSTEM)} - FOR_ALL_USERS
    # systemctl makes and removes these with the links in them.
    return {path for path in found if not path.endswith(".wants")}


def metrics(machine: Machine) -> str:
    return machine.run("python3", "-c", READ).stdout


def test_one_file_is_installed_and_leaves_nothing(machine: Machine, tmp_path: Path) -> None:
    build(tmp_path / "redshank-exporter.pyz")
    before = files(machine)
    machine.copy([(tmp_path / "redshank-exporter.pyz", "redshank-exporter.pyz")], "/tmp/new")
    printed = machine.shell("python3 /tmp/new/redshank-exporter.pyz install")
    assert "redshank-exporter.service runs and serves" in printed
    text = metrics(machine)
    assert "node_load1 " in text
    assert 'node_scrape_collector_success{collector="netclass"} 1' in text
    machine.shell("python3 /opt/redshank-exporter/redshank-exporter.pyz uninstall")
    assert files(machine) == before
    assert machine.run("python3", "-c", READ, check=False).returncode != 0


def test_one_file_pushes(machine: Machine, tmp_path: Path) -> None:
    build(tmp_path / "redshank-exporter.pyz")
    machine.copy([(tmp_path / "redshank-exporter.pyz", "redshank-exporter.pyz")], "/tmp/new")
    script = (
        "import http.server as h\n"
        "class Handler(h.BaseHTTPRequestHandler):\n"
        "    def do_POST(self):\n"
        "        body = self.rfile.read(int(self.headers['Content-Length']))\n"
        "        print(self.headers['Authorization'], len(body), flush=True)\n"
        "        self.send_response(200); self.end_headers(); self.wfile.write(b'{}')\n"
        "h.ThreadingHTTPServer(('127.0.0.1', 9190), Handler).serve_forever()\n"
    )
    machine.write("/tmp/new/receiver.py", script)
    machine.shell("systemd-run --quiet --unit=receiver python3 /tmp/new/receiver.py")
    machine.shell(
        "python3 /tmp/new/redshank-exporter.pyz install --push http://127.0.0.1:9190 "
        "--key a-key-of-this-host -- --push-interval 1"
    )
    wait_for(
        lambda: machine.journal("receiver").count("Bearer a-key-of-this-host") >= 2, "two pushes"
    )
    machine.shell("python3 /tmp/new/redshank-exporter.pyz --uninstall")
    assert machine.property("redshank-exporter-push", "LoadState") == "not-found"


def built(name: str, directory: Path) -> Path:
    """Build one Debian package."""
    builder = package_builder()
    (package,) = (each for each in builder.ALL if each.name == name)
    path: Path = builder.build(package, directory)
    return path


def test_exporter_package_is_installed_and_purged(machine: Machine, tmp_path: Path) -> None:
    before = files(machine)
    machine.copy([(built("redshank-exporter", tmp_path), "exporter.deb")], "/tmp/new")
    machine.shell("dpkg -i /tmp/new/exporter.deb")
    assert "node_load1 " in metrics(machine)
    # Options of the configuration file count, and installing again keeps them.
    machine.write("/etc/default/redshank-exporter", 'OPTIONS="--no-collector.arp"\n')
    machine.shell("dpkg -i /tmp/new/exporter.deb")
    assert "node_arp_entries" not in metrics(machine)
    machine.shell("dpkg --purge redshank-exporter")
    assert files(machine) == before


def test_server_package_is_installed_and_purged(machine: Machine, tmp_path: Path) -> None:
    script = "import sys; print(*sys.version_info[:2])"
    version = machine.run("python3", "-c", script).stdout.split()
    if version != [str(number) for number in sys.version_info[:2]]:
        pytest.skip("the package is for the Python that has built it, and the tree has another one")
    before = files(machine)
    machine.copy([(built("redshank-server", tmp_path), "server.deb")], "/tmp/new")
    machine.shell("dpkg -i /tmp/new/server.deb")
    as_server = "runuser -u redshank -- redshank"
    data = "--data-dir /var/lib/redshank"
    wait_for(
        lambda: (
            machine.run("sh", "-c", f"{as_server} host list {data}", check=False).returncode == 0
        ),
        "the server",
    )
    assert machine.property("redshank-server", "ActiveState") == "active"
    # It serves the exporter, although its own packages are in no site-packages.
    printed = machine.shell(f"{as_server} host add nas --push {data}")
    (line,) = (line for line in printed.splitlines() if line.startswith("(d="))
    machine.shell(line)
    wait_for(lambda: "up" in machine.shell(f"{as_server} host list {data}").split(), "the host nas")
    machine.shell("python3 /opt/redshank-exporter/redshank-exporter.pyz uninstall")
    machine.shell("dpkg --purge redshank-server")
    changed = {"/etc/group", "/etc/passwd", "/etc/shadow", "/etc/gshadow"}
    kept = {path for path in files(machine) - before if path.rstrip("-") not in changed}
    assert kept == set()
