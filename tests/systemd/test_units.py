"""The systemd units are valid and hardened, and the programs run under their restrictions."""

import configparser
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

UNITS = Path(__file__).parents[2] / "systemd"
PUSHING = "redshank-exporter-push.service"
NAMES = ["redshank-exporter.service", "redshank-server.service", PUSHING]
SOCKET = "redshank-exporter.socket"
HARDENED = {
    "CapabilityBoundingSet": "",
    "KeyringMode": "private",
    "LockPersonality": "yes",
    "MemoryDenyWriteExecute": "yes",
    "NoNewPrivileges": "yes",
    "PrivateDevices": "yes",
    "PrivateMounts": "yes",
    "PrivateTmp": "yes",
    "PrivateUsers": "yes",
    "ProtectControlGroups": "yes",
    "ProtectKernelLogs": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectSystem": "strict",
    "RestrictNamespaces": "yes",
    "RestrictRealtime": "yes",
    "RestrictSUIDSGID": "yes",
    "SystemCallArchitectures": "native",
    "UMask": "0077",
}
SUPERVISED = {"Type": "notify", "Restart": "on-failure", "WatchdogSec": "60s"}

needs_systemd = [
    pytest.mark.peer,
    pytest.mark.skipif(
        not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed"
    ),
]


def parsed(name: str) -> configparser.ConfigParser:
    """Return a unit; the last one of a repeated directive wins."""
    unit = configparser.ConfigParser(strict=False, interpolation=None, comment_prefixes="#")
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNITS / name)
    return unit


def runnable(name: str, directory: Path) -> Path:
    """Return a copy of the unit, beside its socket, whose program exists here."""
    shutil.copy(UNITS / SOCKET, directory)
    copy = directory / name
    text = (UNITS / name).read_text()
    copy.write_text(text.replace("ExecStart=/opt/redshank/bin/redshank", "ExecStart=/bin/true"))
    return copy


@pytest.mark.parametrize("name", NAMES)
def test_unit_is_supervised_and_hardened(name: str) -> None:
    service = dict(parsed(name)["Service"])
    required = SUPERVISED | HARDENED
    assert {key: service.get(key) for key in required} == required
    filters = re.findall(r"SystemCallFilter=(.*)", (UNITS / name).read_text())
    assert "~@privileged @resources" in filters


def test_memory_and_tasks_are_limited() -> None:
    limits = {
        name: (parsed(name)["Service"]["MemoryMax"], parsed(name)["Service"]["TasksMax"])
        for name in NAMES
    }
    small = ("256M", "256")
    assert limits == {NAMES[0]: small, NAMES[1]: ("75%", "512"), PUSHING: small}


def test_server_keeps_its_data_in_its_state_directory() -> None:
    service = parsed("redshank-server.service")["Service"]
    assert service["StateDirectory"] == "redshank"
    assert service["StateDirectoryMode"] == "0700"
    assert service["ExecStart"].endswith(" server --data-dir /var/lib/redshank")
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"


def test_exporter_has_no_account_but_sees_the_host() -> None:
    service = parsed("redshank-exporter.service")["Service"]
    assert service["DynamicUser"] == "yes"
    assert service["ProtectHome"] == "read-only"
    # Without an Internet socket: a program that took the exporter over could connect nowhere.
    assert service["RestrictAddressFamilies"].split() == ["AF_NETLINK", "AF_UNIX"]
    assert service["IPAddressDeny"] == "any"
    for hiding in ("ProtectClock", "ProtectHostname", "ProtectProc", "ProcSubset"):
        assert hiding not in service


def test_socket_of_the_exporter_is_closed_to_public_addresses_and_stops_with_it() -> None:
    unit, service = parsed(SOCKET), parsed("redshank-exporter.service")
    assert unit["Socket"]["ListenStream"] == "9100"
    assert unit["Socket"]["IPAddressDeny"] == "any"
    assert "IPAddressAllow=localhost link-local" in (UNITS / SOCKET).read_text()
    assert unit["Unit"]["PartOf"] == "redshank-exporter.service"
    assert service["Unit"]["Requires"] == SOCKET
    assert service["Install"]["Also"] == SOCKET


@pytest.mark.parametrize("name", NAMES, ids=["exporter", "server", "push"])
class TestSystemd:
    pytestmark = needs_systemd

    def test_accepts_the_unit(self, name: str, tmp_path: Path) -> None:
        verified = subprocess.run(
            ["systemd-analyze", "verify", runnable(name, tmp_path)], capture_output=True, text=True
        )
        assert (verified.returncode, verified.stderr) == (0, "")

    def test_finds_little_exposed(self, name: str, tmp_path: Path) -> None:
        # In tenths, where 0 is a program that can do nothing. Of the exporter's 1.3, 0.6 are
        # for reading the state of the clock, without which the timex collector fails. One that
        # pushes has 0.4 more for connections to the server, whose address may be any.
        limits = {"redshank-exporter.service": 13, "redshank-server.service": 12, PUSHING: 17}
        threshold = limits[name]
        rate = ["systemd-analyze", "security", "--offline=yes", f"--threshold={threshold}"]
        rate += ["--no-pager"]
        rated = subprocess.run([*rate, runnable(name, tmp_path)], capture_output=True, text=True)
        assert rated.returncode == 0, rated.stdout


NO_NEW_CODE = """
import ctypes, mmap, sys
libc = ctypes.CDLL(None, use_errno=True)
PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 65, 1
if libc.prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) != 0:
    sys.exit("skip: the kernel is older than 6.3")
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    sys.exit("memory can still be made executable")
except PermissionError:
    pass
"""
SERVER = """
import apprise, apscheduler, jinja2, orjson, pcodec, pydantic, sqlite_utils, yaml, isal.isal_zlib
import argon2, numpy, re2, uvloop
numpy.ones((300, 300)) @ numpy.ones((300, 300))
re2.compile("a+b").fullmatch("aab")
argon2.PasswordHasher().hash("x")
async def nothing(): ...
uvloop.run(nothing())
apprise.Apprise().add("json://localhost")
"""
EXPORTER = """
from exporter.gathering import catalogue
from exporter.gathering.gatherer import Gatherer
from exporter.settings import ExporterSettings
gatherer = Gatherer(catalogue.build(ExporterSettings(), lambda: 0), 5)
names = {family.name for family in gatherer.gather()}
assert {"node_network_address_info", "node_load1"} <= names, names
"""


@pytest.mark.parametrize("script", [SERVER, EXPORTER], ids=["server", "exporter"])
def test_libraries_run_where_no_memory_becomes_executable(script: str) -> None:
    """The kernel's MDWE switch has the effect of MemoryDenyWriteExecute=."""
    if script is SERVER:
        try:
            metadata.version("numpy")
        except metadata.PackageNotFoundError:
            pytest.skip("the server's packages are not installed")
    run = subprocess.run(
        [sys.executable, "-c", NO_NEW_CODE + script], capture_output=True, text=True
    )
    if run.stderr.startswith("skip:"):
        pytest.skip(run.stderr)
    assert run.returncode == 0, run.stderr
