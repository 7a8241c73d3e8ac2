"""Both services under a real systemd, installed with the commands of docs/install.md."""

import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.systemd.installation import (
    ROOT,
    commands,
    follow,
    install,
    python_of_system,
)
from tests.systemd.machine import Machine, booted, wait_for, why_not

pytestmark = [pytest.mark.slow, pytest.mark.peer, pytest.mark.timeout(600)]

SERVER, EXPORTER = "redshank-server", "redshank-exporter"
REDSHANK = "/opt/redshank/bin/redshank"
DATA = "/var/lib/redshank"
EARLIER = sorted((ROOT / "tests" / "storage").glob("data_directory_of_*.tar.gz"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine with both services; booting and installing takes a minute."""
    if reason := why_not():
        pytest.skip(reason)
    python_of_system()
    with booted(tmp_path_factory.mktemp("machine") / "systemd.log") as machine:
        install(machine)
        yield machine


@pytest.fixture
def machine(installed: Machine) -> Machine:
    """The machine as installed: without drop-ins, with a new configuration and both services."""
    installed.shell(
        f"rm -rf /run/systemd/system/redshank-*.d /etc/redshank/redshank.yml; "
        f"systemctl daemon-reload; systemctl reset-failed; systemctl restart {SERVER} {EXPORTER}"
    )
    return installed


def pid(machine: Machine, unit: str) -> int:
    return int(machine.property(unit, "MainPID"))


def drop_in(machine: Machine, unit: str, text: str) -> None:
    machine.write(f"/run/systemd/system/{unit}.service.d/test.conf", f"[Service]\n{text}")
    machine.run("systemctl", "daemon-reload")


def health(machine: Machine) -> dict[str, object]:
    """Return the server's health, {} if it does not answer."""
    asked = machine.run("curl", "-sf", "http://127.0.0.1:9190/health", check=False)
    found: dict[str, object] = json.loads(asked.stdout) if asked.returncode == 0 else {}
    return found


def answers(machine: Machine, port: int) -> bool:
    asked = machine.run("curl", "-sf", f"http://127.0.0.1:{port}/health", check=False)
    return asked.returncode == 0


def families(machine: Machine, port: int) -> set[str]:
    """Return the names of the metric families that an exporter serves."""
    text = machine.run("curl", "-sf", f"http://127.0.0.1:{port}/metrics").stdout
    return set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))


def filesystems(machine: Machine, port: int) -> dict[str, str]:
    """Return the size of each file system by its mount point."""
    text = machine.run("curl", "-sf", f"http://127.0.0.1:{port}/metrics").stdout
    return dict(
        re.findall(r'^node_filesystem_size_bytes\{.*mountpoint="(.+?)"\} (\S+)', text, re.MULTILINE)
    )


def failed_collectors(machine: Machine, port: int) -> set[str]:
    text = machine.run("curl", "-sf", f"http://127.0.0.1:{port}/metrics").stdout
    return set(re.findall(r'collector_success\{collector="(\w+)"\} 0', text))


def test_page_names_every_command_that_an_installation_needs() -> None:
    words = " ".join(commands("Install the server") + commands("Start it with systemd"))
    for needed in ("-m venv", "--constraint constraints.txt", "useradd", "daemon-reload"):
        assert needed in words
    assert f"enable --now {SERVER}" in words
    assert f"enable --now {EXPORTER}" in words


def test_started_service_is_ready(machine: Machine) -> None:
    """`systemctl restart` has returned: the services have announced that they are ready."""
    assert machine.property(SERVER, "SubState") == "running"
    assert health(machine)["status"] == "healthy"
    assert answers(machine, 9100)
    assert "Login      admin / " in machine.journal(SERVER)


def test_limits_apply(machine: Machine) -> None:
    assert machine.property(EXPORTER, "MemoryMax") == str(256 * 2**20)
    assert (machine.property(EXPORTER, "TasksMax"), machine.property(SERVER, "TasksMax")) == (
        "256",
        "512",
    )
    assert 0 < int(machine.property(SERVER, "MemoryMax")) < 2**50


@pytest.mark.parametrize("unit", [SERVER, EXPORTER])
def test_process_has_no_privileges(machine: Machine, unit: str) -> None:
    status = machine.run("cat", f"/proc/{pid(machine, unit)}/status").stdout
    found = dict(re.findall(r"^(\w+):\t(.*)$", status, re.MULTILINE))
    for kind in ("CapEff", "CapPrm", "CapBnd", "CapAmb"):
        assert int(found[kind], 16) == 0, kind
    assert (found["NoNewPrivs"], found["Seccomp"]) == ("1", "2")
    assert found["Uid"].split()[0] != "0"


def test_folders_belong_to_their_services_only(machine: Machine) -> None:
    paths = f"{DATA} {DATA}/records.db {DATA}/keys.json /var/cache/private/{EXPORTER}"
    found = machine.shell(f"stat -c '%a %U' {paths}").split("\n")
    assert found[:3] == ["700 redshank", "600 redshank", "600 redshank"]
    mode, owner = found[3].split()
    assert mode[-1] in "05", "the parent is closed to others"
    assert owner == EXPORTER
    assert machine.shell("stat -c %a /var/cache/private").strip() == "700"
    # The user exists only while the service runs.
    machine.run("systemctl", "stop", EXPORTER)
    assert machine.run("id", EXPORTER, check=False).returncode != 0


@pytest.mark.parametrize(("unit", "port"), [(SERVER, 9190), (EXPORTER, 9100)])
def test_killed_service_is_restarted(machine: Machine, unit: str, port: int) -> None:
    drop_in(machine, unit, "RestartSec=100ms\n")
    before = pid(machine, unit)
    machine.run("kill", "-9", str(before))
    wait_for(lambda: pid(machine, unit) not in (0, before) and answers(machine, port), "a restart")
    assert machine.property(unit, "NRestarts") == "1"


def test_host_survives_the_kill_of_the_server(machine: Machine) -> None:
    drop_in(machine, SERVER, "RestartSec=100ms\n")
    as_user = ["runuser", "-u", "redshank", "--", REDSHANK, "host"]
    at = ["--data-dir", DATA]
    machine.run(*as_user, "add", "kept", "127.0.0.1:9100", *at)
    machine.run("kill", "-9", str(pid(machine, SERVER)))
    wait_for(lambda: health(machine), "a restart")
    assert "kept" in machine.run(*as_user, "list", *at).stdout
    machine.run(*as_user, "remove", "kept", *at)


@pytest.mark.parametrize("unit", [SERVER, EXPORTER])
def test_stuck_service_is_restarted_by_the_watchdog(machine: Machine, unit: str) -> None:
    drop_in(machine, unit, "WatchdogSec=2s\nTimeoutAbortSec=1s\nRestartSec=100ms\n")
    machine.run("systemctl", "restart", unit)
    before = pid(machine, unit)
    machine.run("kill", "-STOP", str(before))
    wait_for(lambda: pid(machine, unit) not in (0, before), "a restart by the watchdog")
    journal = machine.run("journalctl", "-u", unit, "--no-pager").stdout
    assert "Watchdog timeout" in journal


def test_reload_applies_a_file_and_keeps_the_configuration_if_it_is_invalid(
    machine: Machine,
) -> None:
    before = pid(machine, SERVER)
    machine.write("/etc/redshank/redshank.yml", "scrape: {interval: 30}\n")
    machine.run("systemctl", "reload", SERVER)
    wait_for(lambda: "configuration_reloaded" in machine.journal(SERVER), "the reload")
    machine.write("/etc/redshank/redshank.yml", "scrape: {unknown: 1}\n")
    machine.run("systemctl", "reload", SERVER)
    wait_for(lambda: "scrape.unknown" in machine.journal(SERVER), "the refusal")
    assert pid(machine, SERVER) == before
    assert health(machine)["status"] == "healthy"


@pytest.mark.parametrize("unit", [SERVER, EXPORTER])
def test_service_stops_in_time_and_cleanly(machine: Machine, unit: str) -> None:
    machine.run("systemctl", "stop", unit)
    found = [machine.property(unit, name) for name in ("ActiveState", "Result", "ExecMainStatus")]
    assert found == ["inactive", "success", "0"]


def test_stopped_exporter_listens_no_longer_and_no_scrape_starts_it(machine: Machine) -> None:
    machine.run("systemctl", "stop", EXPORTER)
    assert not answers(machine, 9100)
    assert machine.property(EXPORTER, "ActiveState") == "inactive"
    assert machine.property(f"{EXPORTER}.socket", "ActiveState") == "inactive"


def test_exporter_listens_where_its_socket_unit_says(machine: Machine) -> None:
    machine.write(
        f"/run/systemd/system/{EXPORTER}.socket.d/test.conf",
        "[Socket]\nListenStream=\nListenStream=127.0.0.1:9102\n",
    )
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", EXPORTER)
    assert answers(machine, 9102)
    assert not answers(machine, 9100)
    allowed = machine.property(f"{EXPORTER}.socket", "IPAddressAllow")
    assert "127.0.0.0/8" in allowed
    assert "10.0.0.0/8" in allowed


def test_option_listen_beside_the_socket_unit_is_refused_with_the_remedy(machine: Machine) -> None:
    """It is left from an earlier version, where it may have kept others out."""
    machine.write("/etc/default/redshank-exporter", 'OPTIONS="--listen 127.0.0.1:9100"\n')
    try:
        assert machine.run("systemctl", "restart", EXPORTER, check=False).returncode != 0
        wait_for(lambda: "set ListenStream=" in machine.journal(EXPORTER), "the remedy")
    finally:
        machine.run("rm", "/etc/default/redshank-exporter")


def test_hardening_takes_no_metric_family_away(machine: Machine) -> None:
    """Beside the service, the same exporter runs as a user without restrictions."""
    started = f"setsid setpriv --reuid 65534 --regid 65534 --clear-groups {REDSHANK} exporter"
    machine.shell(f"{started} --listen 127.0.0.1:9101 >/dev/null 2>&1 & echo $! >/root/free.pid")
    try:
        wait_for(lambda: answers(machine, 9101), "the exporter without restrictions")
        # Requests are counted once there was one; the service has had some.
        machine.run("curl", "-sf", "http://127.0.0.1:9100/metrics")
        assert families(machine, 9101) - families(machine, 9100) == set()
        assert filesystems(machine, 9101) == filesystems(machine, 9100)
        assert failed_collectors(machine, 9100) == failed_collectors(machine, 9101)
        assert "node_network_address_info" in families(machine, 9100)
        assert "node_timex_sync_status" in families(machine, 9100)
    finally:
        machine.shell("kill $(cat /root/free.pid)")


def test_full_disk_degrades_the_server_until_there_is_space(machine: Machine) -> None:
    machine.run("systemctl", "stop", SERVER)
    # An idle server writes little, and that into space that its files have already.
    machine.write(
        "/etc/redshank/redshank.yml",
        "scrape:\n  interval: 1\n  timeout: 1\n  jobs:\n"
        "  - {name: node, targets: ['127.0.0.1:9100']}\n",
    )
    machine.shell(
        f"mv {DATA} {DATA}.kept; mkdir {DATA}; mount -t tmpfs -o size=24m,mode=700 tmpfs {DATA}; "
        f"chown redshank: {DATA}; systemctl start {SERVER}"
    )
    try:
        before = pid(machine, SERVER)
        machine.shell(f"dd if=/dev/zero of={DATA}/filler bs=64k 2>/dev/null || true")
        wait_for(lambda: health(machine).get("status") == "degraded", "the degraded state")
        assert machine.property(SERVER, "ActiveState") == "active"
        machine.run("rm", f"{DATA}/filler")
        wait_for(lambda: health(machine).get("status") == "healthy", "recovery")
        assert (pid(machine, SERVER), machine.property(SERVER, "NRestarts")) == (before, "0")
    finally:
        machine.shell(
            f"systemctl stop {SERVER}; umount {DATA}; rmdir {DATA}; mv {DATA}.kept {DATA}"
        )


@pytest.mark.parametrize("archive", EARLIER, ids=lambda path: path.name)
def test_server_starts_on_the_data_of_an_earlier_version(
    machine: Machine, archive: Path, tmp_path: Path
) -> None:
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    machine.run("systemctl", "stop", SERVER)
    machine.run("mv", DATA, f"{DATA}.kept")
    try:
        machine.copy([(tmp_path / "data", "redshank")], "/var/lib")
        machine.run("chown", "-R", "redshank:", DATA)
        for _ in follow(machine, "Update"):
            pass
        assert health(machine)["status"] == "healthy"
        as_user = ["runuser", "-u", "redshank", "--", REDSHANK]
        machine.run(*as_user, "store", "verify", "--data-dir", DATA)
        assert "web-1" in machine.run(*as_user, "host", "list", "--data-dir", DATA).stdout
    finally:
        machine.shell(f"systemctl stop {SERVER}; rm -rf {DATA}; mv {DATA}.kept {DATA}")


def test_uninstalling_leaves_nothing(tmp_path: Path) -> None:
    if reason := why_not():
        pytest.skip(reason)
    python_of_system()
    with booted(tmp_path / "systemd.log") as machine:
        install(machine)
        for _ in follow(machine, "Uninstall"):
            pass
        left = machine.shell("find /etc /opt /run /usr /var -name '*redshank*'")
        units = machine.shell("systemctl list-units --no-legend 'redshank*'")
    assert (left, units) == ("", "")


def traces(machine: Machine) -> set[str]:
    """Return the paths of the system that have the name of the exporter."""
    found = machine.shell("find /etc /opt /usr /var -xdev -name '*redshank-exporter*'")
    return {path for path in found.split() if not path.startswith("/opt/redshank/")}


def host_state(machine: Machine, name: str) -> str:
    """Return the state of a host of the fleet."""
    listed = machine.run(*as_server("host", "list")).stdout
    return next((line.split()[1] for line in listed.splitlines() if line.startswith(name)), "")


def as_server(*words: str) -> list[str]:
    """Return a command of redshank as the server's user."""
    return ["runuser", "-u", "redshank", "--", REDSHANK, *words, "--data-dir", DATA]


def line_of(machine: Machine, *words: str) -> str:
    """Register a host, and return the line that installs its exporter."""
    printed = machine.run(*as_server("host", "add", *words)).stdout
    return next(line for line in printed.splitlines() if line.startswith("(d="))


def test_line_of_host_add_installs_an_exporter_that_pushes_and_uninstall_leaves_no_trace(
    machine: Machine,
) -> None:
    wait_for(lambda: health(machine), "the server")
    before = traces(machine)
    line = line_of(machine, "nas", "--push")
    printed = machine.shell(line)
    assert "redshank-exporter-push.service runs and pushes to http://" in printed
    wait_for(lambda: host_state(machine, "nas") == "up", "the pushing host")
    unit = "redshank-exporter-push"
    assert machine.property(unit, "ActiveState") == "active"
    # The key is root's alone, and in no argument of a process.
    assert "key" not in machine.property(unit, "ExecStart").lower()
    assert machine.shell("stat -c %a /etc/redshank-exporter/push.env").strip() == "600"
    # Again, as for an update.
    machine.shell(line)
    removed = machine.shell("python3 /opt/redshank-exporter/redshank-exporter.pyz uninstall")
    assert "removed /etc/redshank-exporter\n" in removed
    assert traces(machine) == before
    assert machine.property(unit, "LoadState") == "not-found"
    machine.run(*as_server("host", "remove", "nas"))


def test_line_of_host_add_installs_an_exporter_to_scrape(machine: Machine) -> None:
    wait_for(lambda: health(machine), "the server")
    line = line_of(machine, "scraped", "127.0.0.1:9100")
    # Units that somebody else has installed stay as they are.
    refused = machine.run("sh", "-c", line, check=False)
    assert refused.returncode != 0
    assert "belongs to another installation" in refused.stderr
    machine.shell(
        "systemctl disable --now redshank-exporter redshank-exporter.socket; mkdir /root/kept; "
        "systemctl clean --what=cache redshank-exporter; "
        "mv /etc/systemd/system/redshank-exporter.* /root/kept; systemctl daemon-reload"
    )
    try:
        before = traces(machine)
        printed = machine.shell(f"{line[:-1]} --no-collector.arp)")
        assert "serves http://localhost:9100/metrics" in printed
        assert "node_load1" in families(machine, 9100)
        assert "node_arp_entries" not in families(machine, 9100)
        wait_for(lambda: host_state(machine, "scraped") == "up", "the scraped host")
        machine.shell("python3 /opt/redshank-exporter/redshank-exporter.pyz --uninstall")
        assert traces(machine) == before
        assert not answers(machine, 9100)
    finally:
        machine.shell(
            "mv /root/kept/* /etc/systemd/system; systemctl daemon-reload; "
            "systemctl enable redshank-exporter"
        )
        machine.run(*as_server("host", "remove", "scraped"))
