"""Builds the Debian packages of the exporter and of the server: `./run package [DIRECTORY]`.

Needs dpkg-deb. Each package has a folder here with its control file, its maintainer scripts and
the files that it adds to `systemd/` and to the Python packages. The Python packages are copied
from this environment: nothing is fetched, and the packages depend on Debian's python3 of the
same version.
"""

import argparse
import csv
import gzip
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
SOURCE = Path(__file__).resolve().parent
# The folders that the wheel has too.
PACKAGES = (
    *("model", "storage", "promql", "scraper", "ingest", "alerting", "analytics", "web"),
    *("exporter", "daemon"),
)
_MAINTAINER = "Redshank maintainers <maintainers@redshank.invalid>"
_LEFT_OUT = re.compile(
    r"(^|/)(__pycache__|tests?|direct_url\.json|INSTALLER|REQUESTED)(/|$)|\.pyc$"
)

# sqlite-utils requires it for a command of its own.
_NOT_COPIED = frozenset({"pip"})


@dataclass(frozen=True, slots=True)
class Package:
    """A package to build.

    Attributes:
        name: its name.
        folder: its folder beside this file.
        fill: copies what only this package has into its tree.
    """

    name: str
    folder: str
    fill: Callable[[Path], None]


def build(package: Package, output: Path) -> Path:
    """Build a package; return its file.

    Raises:
        subprocess.CalledProcessError: dpkg-deb fails, and has said why.
    """
    version = metadata.version("redshank")
    architecture = _printed(["dpkg", "--print-architecture"])
    with TemporaryDirectory() as directory:
        tree = Path(directory) / package.name
        tree.mkdir()
        tree.chmod(0o755)
        package.fill(tree)
        files = SOURCE / package.folder / "files"
        if files.is_dir():
            shutil.copytree(files, tree, dirs_exist_ok=True)
        _add_documentation(tree, package.name, version)
        _set_modes(tree)
        values = {
            "version": version,
            "architecture": architecture,
            "size": str(sum(path.lstat().st_size for path in tree.rglob("*")) // 1024),
            "python": f"{sys.version_info[0]}.{sys.version_info[1]}",
            "next_python": f"{sys.version_info[0]}.{sys.version_info[1] + 1}",
            "maintainer": _MAINTAINER,
        }
        _add_control(tree, SOURCE / package.folder / "control", values)
        path = output / f"{package.name}_{version}_{architecture}.deb"
        subprocess.run(
            ["dpkg-deb", "--root-owner-group", "-Zxz", "-z2", "--build", tree, path],
            check=True,
            stdout=subprocess.DEVNULL,
        )
    return path


def _fill_exporter(tree: Path) -> None:
    from exporter.bundle import build as build_file

    folder = tree / "usr/lib/redshank-exporter"
    folder.mkdir(parents=True)
    build_file(folder / "redshank-exporter.pyz")
    program = "/usr/bin/python3 /usr/lib/redshank-exporter/redshank-exporter.pyz"
    for unit in sorted((ROOT / "systemd").glob("redshank-exporter*")):
        _add_unit(tree, unit, program)


def _fill_server(tree: Path) -> None:
    library = tree / "usr/lib/redshank"
    for name in PACKAGES:
        shutil.copytree(
            ROOT / name, library / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
        )
    for distribution in _distributions("redshank[server]"):
        if distribution.name in _NOT_COPIED:
            continue
        _copy_distribution(distribution, library)
    _add_unit(tree, ROOT / "systemd/redshank-server.service", "/usr/bin/redshank")


def _copy_distribution(distribution: metadata.Distribution, library: Path) -> None:
    """Copy the files of an installed package; of our own, whose code is here, the metadata.

    RECORD lists what was copied only: the one-file exporter is built from what it lists.
    """
    is_own, copied, record = distribution.name == "redshank", set[str](), None
    for file in distribution.files or ():
        source = Path(str(distribution.locate_file(file)))
        name = file.as_posix()
        if name.startswith("..") or _LEFT_OUT.search(name) or not source.is_file():
            continue
        if is_own and ".dist-info/" not in name:
            continue
        target = library / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        copied.add(name)
        if name.endswith(".dist-info/RECORD"):
            record = target
    if record is not None:
        with record.open(newline="") as before:
            lines = [line for line in csv.reader(before) if line[0] in copied]
        with record.open("w", newline="") as after:
            csv.writer(after, lineterminator="\n").writerows(lines)


def _distributions(name: str) -> Iterator[metadata.Distribution]:
    """Yield a package and all that it requires, each once."""
    waiting, seen = [Requirement(name)], set[tuple[str, frozenset[str]]]()
    yielded = set[str]()
    while waiting:
        wanted = waiting.pop()
        key = wanted.name.lower(), frozenset(wanted.extras)
        if key in seen:
            continue
        seen.add(key)
        found = metadata.distribution(wanted.name)
        if found.name not in yielded:
            yielded.add(found.name)
            yield found
        for text in found.requires or ():
            needed = Requirement(text)
            extras = wanted.extras or {""}
            if needed.marker is None or any(needed.marker.evaluate({"extra": e}) for e in extras):
                waiting.append(needed)


def _add_unit(tree: Path, unit: Path, program: str) -> None:
    target = tree / "usr/lib/systemd/system" / unit.name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(unit.read_text().replace("/opt/redshank/bin/redshank", program))


def _add_documentation(tree: Path, name: str, version: str) -> None:
    folder = tree / "usr/share/doc" / name
    folder.mkdir(parents=True)
    shutil.copyfile(SOURCE / "copyright", folder / "copyright")
    date = formatdate(int(os.environ.get("SOURCE_DATE_EPOCH", "0")) or _newest_change_s())
    text = (
        f"{name} ({version}) unstable; urgency=medium\n\n  * See CHANGELOG.md of Redshank.\n\n"
        f" -- {_MAINTAINER}  {date}\n"
    )
    _compress(folder / "changelog.gz", text.encode())
    for page in sorted((tree / "usr/share/man").rglob("*.[1-8]")):
        _compress(page.with_name(f"{page.name}.gz"), page.read_bytes())
        page.unlink()


def _newest_change_s() -> int:
    return int((ROOT / "CHANGELOG.md").stat().st_mtime)


def _compress(path: Path, content: bytes) -> None:
    path.write_bytes(gzip.compress(content, 9, mtime=0))


def _set_modes(tree: Path) -> None:
    """Give every file the mode that Debian expects, whatever the umask here is."""
    for path in (tree, *tree.rglob("*")):
        if path.is_symlink():
            continue
        is_program = path.parent.name == "bin" or path.suffix == ".pyz"
        path.chmod(0o755 if path.is_dir() or is_program else 0o644)


def _add_control(tree: Path, source: Path, values: dict[str, str]) -> None:
    folder = tree / "DEBIAN"
    folder.mkdir()
    folder.chmod(0o755)  # Whatever the umask is: dpkg-deb refuses a closed one.
    for file in sorted(source.iterdir()):
        text = file.read_text()
        for name, value in values.items():
            text = text.replace(f"@{name}@", value)
        target = folder / file.name
        target.write_text(text)
        target.chmod(0o644 if file.name in ("control", "conffiles") else 0o755)
    listed = _printed(
        ["sh", "-c", "find . -path ./DEBIAN -prune -o -type f -print0 | sort -z | xargs -0 md5sum"],
        tree,
    )
    sums = folder / "md5sums"
    sums.write_text(listed.replace("  ./", "  ") + "\n")
    sums.chmod(0o644)


def _printed(command: Sequence[str], directory: Path | None = None) -> str:
    done = subprocess.run(command, cwd=directory, check=True, capture_output=True, text=True)
    return done.stdout.strip()


ALL = (
    Package("redshank-exporter", "exporter", _fill_exporter),
    Package("redshank-server", "server", _fill_server),
)


def main() -> None:
    """Build the packages into a directory."""
    parser = argparse.ArgumentParser(prog="./run package", description=__doc__)
    parser.add_argument("directory", nargs="?", type=Path, default=ROOT / "dist")
    options = parser.parse_args()
    if shutil.which("dpkg-deb") is None:
        sys.exit("dpkg-deb is missing: the packages are built on Debian or Ubuntu")
    options.directory.mkdir(parents=True, exist_ok=True)
    for package in ALL:
        print(build(package, options.directory))


if __name__ == "__main__":
    main()
