"""Builds the one-file exporter and runs it on an interpreter without any packages."""

import base64
import json
import shutil
import subprocess
import zipfile
from importlib import metadata
from pathlib import Path

import bcrypt
import pytest

from exporter import launcher
from exporter.bundle import BundleError, build, build_exporter
from tests.exporter.command_runner import ended
from tests.exporter.installation.archive_process import ARGUMENTS, command, running, scrape

CONTENT = b"\x7fELF not really"


def test_bundle_serves_on_a_bare_interpreter(archive: Path, tmp_path: Path) -> None:
    with running(archive, HOME=str(tmp_path)) as connection:
        text = scrape(connection)
    assert 'node_scrape_collector_success{collector="addresses"} 1' in text
    assert "node_cpu_seconds_total" in text
    assert f'version="{metadata.version("redshank")}"' in text


def test_bundle_installed_as_redshank_accepts_redshank_exporter(
    archive: Path, tmp_path: Path
) -> None:
    with running(archive, "exporter", *ARGUMENTS, HOME=str(tmp_path)) as connection:
        assert "node_load1" in scrape(connection)


def test_native_library_is_unpacked_once_into_a_private_directory(
    archive: Path, tmp_path: Path
) -> None:
    directory = tmp_path / "redshank-exporter"
    unpacked = []
    for _ in range(2):
        with running(archive, CACHE_DIRECTORY=str(tmp_path)) as connection:
            scrape(connection)
        unpacked.append({library.stat().st_ino for library in directory.iterdir()})
    assert directory.stat().st_mode & 0o777 == 0o700
    # Those of psutil and bcrypt.
    assert len(unpacked[0]) == 2
    assert unpacked[0] == unpacked[1]


@pytest.mark.parametrize(
    "words", [("install", "--help"), ("--uninstall", "--help"), ("push", "--help")]
)
def test_installer_unpacks_nothing(archive: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    shown = subprocess.run(
        command(archive, *words),
        env={"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert (shown.returncode, shown.stderr) == (0, "")
    assert f"redshank-exporter.pyz {words[0].removeprefix('--')}" in shown.stdout.partition("\n")[0]
    assert list(tmp_path.iterdir()) == []


def test_bundle_checks_passwords_of_a_web_configuration_file(archive: Path, tmp_path: Path) -> None:
    hashed = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
    file = tmp_path / "web.yml"
    file.write_text(f"basic_auth_users: {{ann: '{hashed}'}}")
    arguments = (*ARGUMENTS, "--web.config.file", str(file))
    with running(archive, *arguments, HOME=str(tmp_path)) as connection:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (401, b"unauthorized\n")
        pair = base64.b64encode(b"ann:secret").decode()
        connection.request("GET", "/health", headers={"Authorization": f"Basic {pair}"})
        assert connection.getresponse().status == 200


def test_bundle_runs_without_a_writable_cache(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "redshank-exporter").write_text("a file is in the way")
    with running(archive, XDG_CACHE_HOME=str(tmp_path), TMPDIR=str(tmp_path)) as connection:
        assert 'success{collector="addresses"} 1' in scrape(connection)
    assert [path.name for path in tmp_path.iterdir()] == ["redshank-exporter"]


def test_same_packages_give_the_same_bytes(archive: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.pyz"
    build(again)
    assert again.read_bytes() == archive.read_bytes()


def test_bundle_has_its_dependencies_and_licences_and_no_build_paths(archive: Path) -> None:
    with zipfile.ZipFile(archive) as members:
        names = members.namelist()
        contents = b"".join(members.read(name) for name in names)
    tops = {name.partition("/")[0] for name in names}
    assert {"exporter", "jeepney", "model", "prometheus_client", "psutil", "tomli"} <= tops
    assert not tops & {"numpy", "aiohttp", "pydantic", "storage", "click", "structlog"}
    assert any("psutil" in name and "LICENSE" in name for name in names)
    assert str(Path(__file__).parents[3]).encode() not in contents


def test_command_prints_the_file_that_it_wrote(tmp_path: Path) -> None:
    output = tmp_path / "out.pyz"
    result = ended(build_exporter, str(output))
    assert result.status == 0
    assert str(output) in result.output
    assert output.stat().st_mode & 0o777 == 0o755


def test_missing_package_is_an_error_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.bundle._requirements", lambda: ["no-such-package"])
    with pytest.raises(BundleError, match="no-such-package is not installed"):
        build(tmp_path / "out.pyz")
    assert list(tmp_path.iterdir()) == []


def test_file_names_the_python_that_all_its_packages_support(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def manifest(path: Path) -> dict[str, object]:
        with zipfile.ZipFile(path) as members:
            found: dict[str, object] = json.loads(members.read("exporter/manifest.json"))
        return found

    assert manifest(archive)["oldest_python"] == [3, 9]
    package = tmp_path / "newer-1.dist-info"
    package.mkdir()
    header = "Metadata-Version: 2.1\nName: newer\nVersion: 1\nRequires-Python: >=3.99, <4\n"
    (package / "METADATA").write_text(header)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("exporter.bundle._requirements", lambda: ["newer", "psutil"])
    build(tmp_path / "newer.pyz")
    assert manifest(tmp_path / "newer.pyz")["oldest_python"] == [3, 99]
    refused = subprocess.run(command(tmp_path / "newer.pyz"), capture_output=True, text=True)
    assert refused.returncode == 1
    assert "redshank-exporter needs Python 3.99 or newer, this is 3." in refused.stderr


def test_damaged_library_is_replaced(tmp_path: Path) -> None:
    path = launcher.unpack(CONTENT, tmp_path)
    path.chmod(0o700)
    path.write_bytes(b"damaged")
    assert launcher.unpack(CONTENT, tmp_path).read_bytes() == CONTENT
    assert list(tmp_path.iterdir()) == [path]


def test_link_in_place_of_the_library_is_replaced(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(CONTENT)
    cache = tmp_path / "cache"
    cache.mkdir()
    path = launcher.unpack(CONTENT, cache)
    path.unlink()
    path.symlink_to(elsewhere)
    assert not launcher.unpack(CONTENT, cache).is_symlink()


@pytest.mark.parametrize("mode", [0o755, 0o777, 0o770])
def test_directory_that_others_can_enter_is_not_used(tmp_path: Path, mode: int) -> None:
    directory = tmp_path / "redshank-exporter"
    directory.mkdir()
    directory.chmod(mode)
    used = launcher.cache_directory({"CACHE_DIRECTORY": str(tmp_path)})
    try:
        assert used != directory
        assert launcher.is_private(used)
    finally:
        shutil.rmtree(used)


def test_link_to_a_directory_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "target")
    assert not launcher.is_private(tmp_path / "link")
