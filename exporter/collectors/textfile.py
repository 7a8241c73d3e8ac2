"""Metrics that other programs write to `*.prom` files: cron jobs, scripts, backups."""

import glob
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from exporter.collectors.textfile_format import FileFamily, Series, parse_text
from exporter.families import (
    CounterFamily,
    Family,
    GaugeFamily,
    HistogramFamily,
    SummaryFamily,
    UntypedFamily,
)
from exporter.logs import Log

log = Log(__name__)

# Every scrape reads each file into memory as a whole.
_MAX_FILE_BYTES = 8 * 2**20
_KINDS: Mapping[str, type[Family]] = {
    kind.type: kind
    for kind in (CounterFamily, GaugeFamily, HistogramFamily, SummaryFamily, UntypedFamily)
}
_OWN = ("node_textfile_mtime_seconds", "node_textfile_scrape_error")


@dataclass
class MergedFamily(FileFamily):
    """A metric family of several files, which are named in `files`."""

    files: list[str] = field(default_factory=list)


class TextFiles:
    """Reads every `*.prom` file of some directories, in Prometheus's text format.

    A directory may be a pattern, such as `/srv/*/metrics`.

    A file that cannot be read or parsed loses its own metrics only, and so does a file
    with a metric of the exporter itself: a server could not tell the two apart. A family without
    a HELP line has the names of its files as its help text.

    Attributes:
        directories: the directories or patterns.
        taken: names of the samples that the exporter serves itself.
    """

    name = "textfile"

    def __init__(self, *directories: str) -> None:
        self.taken: Collection[str] = frozenset()
        self.directories = directories
        self._broken: dict[str, str] = {}

    def collect(self) -> Iterable[Family]:
        """Return the families of the files, their modification times, and an error flag."""
        families: dict[str, MergedFamily] = {}
        mtimes = GaugeFamily(
            "node_textfile_mtime_seconds",
            "Unixtime mtime of textfiles successfully read.",
            labels=("file",),
        )
        broken: dict[str, str] = {}
        for path in self._paths(broken):
            try:
                refused = _merge(families, _read(path), {*self.taken, *_OWN}, path)
                mtimes.add((str(path),), path.stat().st_mtime)
            except (OSError, ValueError) as exc:
                refused = str(exc) or type(exc).__name__
            if refused:
                broken[str(path)] = refused
        for name, reason in broken.items():
            if self._broken.get(name) != reason:
                log.warning("textfile_unreadable", file=name, error=reason)
        self._broken = broken
        error = GaugeFamily(
            "node_textfile_scrape_error",
            "1 if there was an error opening or reading a file, 0 otherwise",
            bool(broken),
        )
        metrics = [_metric(name, family) for name, family in families.items()]
        return [*metrics, mtimes, error]

    def _paths(self, broken: dict[str, str]) -> list[Path]:
        paths: dict[Path, None] = {}
        for pattern in self.directories:
            for directory in sorted(glob.glob(pattern)) or [pattern]:  # noqa: PTH207 - absolute.
                try:
                    found = sorted(Path(directory).iterdir())
                except OSError as exc:
                    broken[directory] = str(exc)
                    continue
                paths.update((path, None) for path in found if path.suffix == ".prom")
        return list(paths)


def _read(path: Path) -> dict[str, FileFamily]:
    """Return a file's families.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file is too large, not in the text format, or has timestamps.
            Timestamps are refused because a file that is no longer written would serve
            old samples.
    """
    with path.open("rb") as file:
        content = file.read(_MAX_FILE_BYTES + 1)
    if len(content) > _MAX_FILE_BYTES:
        raise ValueError(f"larger than {_MAX_FILE_BYTES} bytes")
    return parse_text(content)


def _merge(
    families: dict[str, MergedFamily],
    new: Mapping[str, FileFamily],
    taken: Collection[str],
    path: Path,
) -> str:
    """Add the families of one file to those of earlier files.

    Those with another help text than in an earlier file are left out, as node_exporter does.

    Returns:
        Why a family was left out, "" if none was.

    Raises:
        ValueError: a family has another type in an earlier file, a series repeats, or the
            exporter has a metric of that name; no family was added.
    """
    series = {one for family in families.values() for one in family.series}
    differing = []
    for name, family in new.items():
        before = families.get(name)
        if before is not None and before.type != family.type:
            raise ValueError(f"{name} is a {before.type} elsewhere, a {family.type} here")
        if before is not None and before.help and family.help not in (None, before.help):
            differing.append(name)
        else:
            _check(family, series, taken)
    for name, family in new.items():
        if name not in differing:
            merged = families.setdefault(name, MergedFamily(family.type))
            merged.help = merged.help or family.help
            merged.samples += family.samples
            merged.series += family.series
            merged.files.append(str(path))
    return f"{', '.join(differing)}: another HELP in an earlier file" if differing else ""


def _check(family: FileFamily, series: Collection[Series], taken: Collection[str]) -> None:
    for one in family.series:
        if one in series:
            raise ValueError(f"{one[0]} has a series twice")
        if one[0] in taken:
            raise ValueError(f"{one[0]} is a metric of the exporter itself")


def _metric(name: str, family: MergedFamily) -> Family:
    text = family.help or f"Metric read from {', '.join(family.files)}"
    metric = _KINDS[family.type](name, text)
    for sample_name, labels, value in family.samples:
        metric.add_sample(sample_name, labels, value)
    return metric
