"""Metrics that other programs write to `*.prom` files: cron jobs, scripts, backups."""

import re
from collections.abc import Iterable
from pathlib import Path

import structlog
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families

log = structlog.get_logger(__name__)

# Every scrape reads each file into memory as a whole.
_MAX_FILE_BYTES = 8 * 2**20
# A counter whose name lacks "_total" is served as untyped, because prometheus_client would
# append "_total" to its name.
_COUNTER_WITHOUT_TOTAL = re.compile(r"^(#\s*TYPE\s+\S+(?<!_total)\s+)counter[ \t]*$", re.MULTILINE)


class TextFiles:
    """Reads every `*.prom` file of a directory, in Prometheus's text format.

    A file that cannot be read or parsed loses its own metrics only.
    """

    name = "textfile"

    def __init__(self, directory: str | None) -> None:
        self._directory = directory
        self._broken: dict[str, str] = {}

    def collect(self) -> Iterable[Metric]:
        """Return the families of the files, their modification times, and an error flag."""
        families: dict[str, Metric] = {}
        mtimes = GaugeMetricFamily(
            "node_textfile_mtime_seconds",
            "Unixtime mtime of textfiles successfully read.",
            labels=("file",),
        )
        broken: dict[str, str] = {}
        for path in self._paths(broken):
            try:
                _merge(families, _read(path))
                mtimes.add_metric((str(path),), path.stat().st_mtime)
            except (OSError, ValueError) as exc:
                broken[str(path)] = str(exc) or type(exc).__name__
        for name, reason in broken.items():
            if self._broken.get(name) != reason:
                log.warning("textfile_unreadable", file=name, error=reason)
        self._broken = broken
        error = GaugeMetricFamily(
            "node_textfile_scrape_error",
            "1 if there was an error opening or reading a file, 0 otherwise",
            bool(broken),
        )
        return [*families.values(), *([mtimes] if mtimes.samples else []), error]

    def _paths(self, broken: dict[str, str]) -> list[Path]:
        if self._directory is None:
            return []
        try:
            paths = sorted(Path(self._directory).iterdir())
        except OSError as exc:
            broken[self._directory] = str(exc)
            return []
        return [path for path in paths if path.suffix == ".prom"]


def _read(path: Path) -> list[Metric]:
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
    text = _COUNTER_WITHOUT_TOTAL.sub(r"\1untyped", content.decode("utf-8"))
    try:
        families = list(text_string_to_metric_families(text))
    except (IndexError, KeyError) as exc:  # The parser raises them for some invalid input.
        raise ValueError("not in the text format") from exc
    for family in families:
        for sample in family.samples:
            if sample.timestamp is not None:
                raise ValueError(f"{sample.name} has a timestamp")
    return families


def _merge(families: dict[str, Metric], new: list[Metric]) -> None:
    """Add the families of one file to those of earlier files, all of them or none.

    Raises:
        ValueError: a family has another type in an earlier file, or a series repeats.
    """
    merged = dict(families)
    for family in new:
        before = merged.get(family.name)
        if before is None:
            combined = Metric(family.name, family.documentation or "No HELP.", family.type)
        elif before.type == family.type:
            combined = Metric(before.name, before.documentation, before.type)
            combined.samples = list(before.samples)
        else:
            raise ValueError(f"{family.name} is a {before.type} elsewhere, a {family.type} here")
        combined.samples += family.samples
        series = {(sample.name, *sorted(sample.labels.items())) for sample in combined.samples}
        if len(series) != len(combined.samples):
            raise ValueError(f"{family.name} has a series twice")
        merged[family.name] = combined
    families.update(merged)
