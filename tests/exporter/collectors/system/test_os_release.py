from pathlib import Path

from exporter.collectors.system.os_release import OperatingSystem
from tests.exporter.host_tree import families, roots_of


def test_os_release_in_usr_is_read_if_etc_has_none(tmp_path: Path) -> None:
    roots = roots_of(tmp_path, {"usr/lib/os-release": "ID=nixos\nNAME=NixOS\nVERSION_ID=unstable"})
    found = families(OperatingSystem(roots))
    assert found["node_os_info"].samples[0].labels["id"] == "nixos"
    assert "node_os_version" not in found
