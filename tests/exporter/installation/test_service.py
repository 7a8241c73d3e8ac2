import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from exporter.installation.service import ExporterInstallation, InstallationError, run_command
from exporter.installation.units import ALL, MARK, PUSHING, SCRAPED, unit_text

PUSH = {"REDSHANK_URL": "https://monitor.example.com", "REDSHANK_PUSH_KEY": "a-key-of-a-host"}


class Systemd:
    """Records the commands; those that start with `failing` fail."""

    def __init__(self, failing: str = "\0") -> None:
        self.commands: list[str] = []
        self._failing = failing

    def __call__(self, command: Sequence[str]) -> tuple[int, str]:
        self.commands.append(" ".join(command))
        return (1, "no luck\n") if self.commands[-1].startswith(self._failing) else (0, "")


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "redshank-exporter.pyz"
    path.write_bytes(b"the exporter")
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "root"
    (path / "etc/systemd/system").mkdir(parents=True)
    (path / "etc/default").mkdir()
    return path


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()}


def test_scraped_exporter_is_enabled_and_started_with_its_socket(root: Path, program: Path) -> None:
    systemd = Systemd()
    ExporterInstallation(root, systemd).install(program, "/usr/bin/python3", {}, ())
    assert systemd.commands == [
        "systemctl daemon-reload",
        "systemctl enable redshank-exporter.service",
        "systemctl stop redshank-exporter.service redshank-exporter.socket",
        "systemctl start redshank-exporter.service",
    ]
    assert files(root) == {
        "etc/systemd/system/redshank-exporter.service",
        "etc/systemd/system/redshank-exporter.socket",
        "opt/redshank-exporter/redshank-exporter.pyz",
    }
    unit = (root / "etc/systemd/system/redshank-exporter.service").read_text()
    started = "/usr/bin/python3 /opt/redshank-exporter/redshank-exporter.pyz exporter $OPTIONS"
    assert f"\nExecStart={started}\n" in unit
    assert (root / "opt/redshank-exporter/redshank-exporter.pyz").read_bytes() == b"the exporter"


def test_key_of_a_pushing_exporter_is_readable_by_root_only(root: Path, program: Path) -> None:
    ExporterInstallation(root, Systemd()).install(program, "/usr/bin/python3", PUSH, ("--no-a",))
    key = root / "etc/redshank-exporter/push.env"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert key.read_text() == (
        "REDSHANK_URL=https://monitor.example.com\nREDSHANK_PUSH_KEY=a-key-of-a-host\n"
    )
    options = root / "etc/default/redshank-exporter-push"
    assert options.read_text() == 'OPTIONS="--no-a"\n'
    assert "a-key" not in unit_text(PUSHING.service, "/usr/bin/python3")


def test_installing_again_replaces_the_file_and_keeps_the_options(
    root: Path, program: Path
) -> None:
    installation = ExporterInstallation(root, Systemd())
    installation.install(program, "/usr/bin/python3", {}, ("--no-collector.arp",))
    program.write_bytes(b"a newer one")
    installation.install(program, "/usr/bin/python3", {}, ())
    assert (root / "opt/redshank-exporter/redshank-exporter.pyz").read_bytes() == b"a newer one"
    assert "arp" in (root / "etc/default/redshank-exporter").read_text()


def test_installed_file_can_install_itself_again(root: Path, program: Path) -> None:
    installation = ExporterInstallation(root, Systemd())
    installation.install(program, "/usr/bin/python3", {}, ())
    own = root / "opt/redshank-exporter/redshank-exporter.pyz"
    installation.install(own, "/usr/bin/python3", PUSH, ())
    assert own.read_bytes() == b"the exporter"


@pytest.mark.parametrize("folder", ["etc/systemd/system", "usr/lib/systemd/system"])
def test_unit_of_another_installation_is_neither_replaced_nor_removed(
    root: Path, program: Path, folder: str
) -> None:
    unit = root / folder / "redshank-exporter.service"
    unit.parent.mkdir(parents=True, exist_ok=True)
    unit.write_text("[Unit]\n")
    systemd = Systemd()
    installation = ExporterInstallation(root, systemd)
    with pytest.raises(InstallationError, match="another installation"):
        installation.install(program, "/usr/bin/python3", {}, ())
    assert installation.uninstall() == []
    assert (files(root), systemd.commands) == ({f"{folder}/redshank-exporter.service"}, [])


@pytest.mark.parametrize("option", ["--textfile-directory=/a b", "--listen='x'", "$HOME", "a;b"])
def test_option_that_systemd_would_interpret_is_refused(
    root: Path, program: Path, option: str
) -> None:
    with pytest.raises(InstallationError, match="etc/default"):
        ExporterInstallation(root, Systemd()).install(program, "/usr/bin/python3", {}, (option,))
    assert files(root) == set()


def test_service_that_does_not_start_is_an_error_with_its_output(root: Path, program: Path) -> None:
    systemd = Systemd(failing="systemctl start")
    with pytest.raises(InstallationError, match=r"start .* status 1:\nno luck"):
        ExporterInstallation(root, systemd).install(program, "/usr/bin/python3", {}, ())
    assert systemd.commands[-1].startswith("journalctl -u redshank-exporter.service")


@pytest.mark.parametrize("push", [{}, PUSH], ids=["scraped", "pushing"])
def test_nothing_is_left_after_uninstall(root: Path, program: Path, push: dict[str, str]) -> None:
    systemd = Systemd()
    installation = ExporterInstallation(root, systemd)
    units = installation.install(program, "/usr/bin/python3", push, ("--no-collector.arp",))
    name = units.service.removesuffix(".service")
    edited = root / "etc/systemd/system" / f"{units.service}.d"
    edited.mkdir()
    (edited / "override.conf").write_text("[Service]\n")
    for folder in ("var/lib", "var/cache"):
        (root / folder / "private" / name).mkdir(parents=True)
        (root / folder / "private" / name / "queue").write_text("pushes")
        (root / folder / name).symlink_to(f"private/{name}")
    for folder in ("root/.cache", "root/.local/state"):
        (root / folder / "redshank-exporter").mkdir(parents=True)
        (root / folder / "redshank-exporter" / "started-by-hand").touch()
    systemd.commands.clear()
    assert installation.uninstall()
    assert files(root) == set()
    assert list(root.rglob("redshank*")) == []
    assert systemd.commands[0] == f"systemctl disable --now {' '.join(units.files)}"
    assert installation.uninstall() == []


def test_units_carry_the_mark_and_no_path_of_a_venv() -> None:
    for name in (name for units in ALL for name in units.files):
        text = unit_text(name, "/usr/bin/python3")
        assert text.startswith(MARK)
        assert "/opt/redshank/" not in text
    assert SCRAPED.service != PUSHING.service


def test_program_that_is_missing_is_a_failed_command() -> None:
    assert run_command(["no-such-program-of-redshank"])[0] == 127
    assert run_command(["sh", "-c", "echo out; echo err >&2; exit 3"]) == (3, "out\nerr\n")
