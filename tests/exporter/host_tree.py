"""Writes the kernel files of an imaginary host to a directory."""

from collections.abc import Mapping
from pathlib import Path

from exporter.collectors.collector import Collector
from exporter.families import Family
from exporter.roots import Roots

FIXTURES = Path(__file__).parent / "fixtures"

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def roots_of(directory: Path, files: Mapping[str, str | bytes]) -> Roots:
    """Write `files` (path below the directory -> content) and return their roots."""
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return Roots(
        str(directory / "proc"), str(directory / "sys"), str(directory), str(directory / "udev")
    )


def unpack(archive: Path, directory: Path) -> Roots:
    """Unpack a `.tree` file into a directory and return its roots."""
    _, *entries = archive.read_text().split("\n=== ")
    files, links = {}, {}
    for entry in entries:
        head, _, content = entry.partition("\n")
        name, arrow, target = head.partition(" -> ")
        if arrow:
            links[name] = target
        else:
            files[name] = content + "\n"
    roots = roots_of(directory, files)
    for name, target in links.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).symlink_to(target)
    return roots


def families(collector: Collector) -> dict[str, Family]:
    return {family.name: family for family in collector.collect()}


def samples(collector: Collector) -> Samples:
    """Return every sample's value by name and labels."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in collector.collect()
        for sample in family.samples
    }


def key(name: str, /, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())
