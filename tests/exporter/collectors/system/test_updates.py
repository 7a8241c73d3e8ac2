from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.collectors.programs import BackgroundProgram, ProgramOutput
from exporter.collectors.system.updates import PackageUpdates
from exporter.errors import NoDataError
from exporter.roots import Roots
from tests.exporter.host_tree import key, roots_of, samples

APT = b"""NOTE: This is only a simulation!
Inst openssl [3.0.1] (3.0.2 Debian-Security:12/stable-security [amd64]) []
Inst libc6 [2.36-9] (2.36-10 Debian:12.4/stable [amd64])
Inst new-one (1.0 Debian:12.4/stable [amd64])
Conf openssl (3.0.2 Debian-Security:12/stable-security [amd64])
"""
DNF = b"\nopenssl.x86_64     1:3.0.7-2.el9     baseos\ntzdata.noarch  2026a  updates\n"
PACMAN = b"linux 6.6.1-1 -> 6.6.2-1\nzfs 2.1 -> 2.2 [ignored]\n"
FILES = {
    "apt": "var/lib/dpkg/status",
    "dnf": "var/lib/rpm/rpmdb.sqlite",
    "pacman": "var/lib/pacman/local/ALPM_DB_VERSION",
}


def printing(content: bytes, status: int = 0) -> Any:
    class Double:
        def __init__(self, command: Sequence[str], interval_s: float, deadline_s: float) -> None:
            assert command[0] in ("apt-get", "dnf", "pacman")

        def output(self) -> ProgramOutput:
            return ProgramOutput(content, status)

    return cast("type[BackgroundProgram]", Double)


def host(directory: Path, manager: str, files: Mapping[str, str] | None = None) -> Roots:
    return roots_of(directory, {FILES[manager]: "", **(files or {})})


@pytest.mark.parametrize(
    ("manager", "content", "status", "counts"),
    [
        (
            "apt",
            APT,
            0,
            {
                ("Debian-Security:12/stable-security", "amd64"): 1,
                ("Debian:12.4/stable", "amd64"): 2,
            },
        ),
        ("dnf", DNF, 100, {("baseos", "x86_64"): 1, ("updates", "noarch"): 1}),
        ("pacman", PACMAN, 0, {("", ""): 1}),
        ("pacman", b"", 1, {("", ""): 0}),
    ],
)
def test_updates_are_counted_by_their_origin(
    tmp_path: Path, manager: str, content: bytes, status: int, counts: dict[tuple[str, str], int]
) -> None:
    found = samples(PackageUpdates(host(tmp_path, manager), printing(content, status)))
    name = "node_package_updates_pending"
    assert {labels: value for labels, value in found.items() if labels[0] == name} == {
        key(name, manager=manager, origin=origin, arch=arch): count
        for (origin, arch), count in counts.items()
    }
    if manager == "apt":
        assert found[key("node_package_security_updates_pending")] == 1


def test_reboot_is_required_if_the_distribution_says_so_or_the_kernel_is_gone(
    tmp_path: Path,
) -> None:
    def needs(name: str, files: Mapping[str, str]) -> float:
        roots = host(tmp_path / name, "apt", files)
        return samples(PackageUpdates(roots, printing(APT)))[key("node_reboot_required")]

    release = {"proc/sys/kernel/osrelease": "6.1.0-1\n"}
    assert needs("said", {"run/reboot-required": ""}) == 1
    assert needs("gone", {**release, "lib/modules/6.1.0-2/modules.dep": ""}) == 1
    assert needs("there", {**release, "lib/modules/6.1.0-1/modules.dep": ""}) == 0
    assert needs("unknown", release) == 0


def test_host_without_a_package_manager_has_no_data(tmp_path: Path) -> None:
    with pytest.raises(NoDataError):
        samples(PackageUpdates(Roots(rootfs=str(tmp_path)), printing(b"")))


def test_package_manager_that_fails_fails_the_collector(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="status 100"):
        samples(PackageUpdates(host(tmp_path, "apt"), printing(b"", 100)))


@given(content=st.binary(max_size=200) | st.integers(0, len(APT)).map(lambda end: APT[:end]))
@pytest.mark.parametrize("manager", ["apt", "dnf", "pacman"])
def test_odd_output_fails_no_scrape(
    tmp_path_factory: pytest.TempPathFactory, manager: str, content: bytes
) -> None:
    roots = host(tmp_path_factory.getbasetemp() / f"host-{manager}", manager)
    collect: Callable[[], Any] = PackageUpdates(roots, printing(content)).collect
    names = [family.name for family in collect()]
    assert names[0] == "node_reboot_required"
