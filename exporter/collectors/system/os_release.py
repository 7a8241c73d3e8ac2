"""Name and version of the operating system.

Source: os-release(5).
"""

import re
import shlex
from collections.abc import Iterable
from datetime import datetime, timezone

from exporter.families import Family, GaugeFamily
from exporter.roots import Roots, read_lines

_LABELS = (
    "build_id",
    "id",
    "id_like",
    "image_id",
    "image_version",
    "name",
    "pretty_name",
    "variant",
    "variant_id",
    "version",
    "version_codename",
    "version_id",
)
_VERSION = re.compile(r"[0-9]+(\.[0-9]+)?")


class OperatingSystem:
    """Reads `os-release`."""

    name = "os"

    def __init__(self, roots: Roots) -> None:
        self._paths = [roots.host_path(path) for path in ("/etc/os-release", "/usr/lib/os-release")]
        # The last content and its variables: the file changes with an upgrade only.
        self._last: tuple[list[str], dict[str, str]] = ([], {})

    def collect(self) -> Iterable[Family]:
        """Return the system's names, its version, and when its support ends."""
        lines = self._lines()
        if lines != self._last[0]:
            self._last = (lines, _fields(lines))
        _, fields = self._last
        info = GaugeFamily(
            "node_os_info",
            f"A metric with a constant '1' value labeled by {', '.join(_LABELS)}.",
            labels=_LABELS,
        )
        info.add([fields.get(label.upper(), "") for label in _LABELS], 1)
        yield info
        if match := _VERSION.match(fields.get("VERSION_ID", "")):
            labels = ("id", "id_like", "name")
            version = GaugeFamily(
                "node_os_version",
                "Metric containing the major.minor part of the OS version.",
                labels=labels,
            )
            version.add([fields.get(name.upper(), "") for name in labels], float(match[0]))
            yield version
        if end := fields.get("SUPPORT_END"):
            yield GaugeFamily(
                "node_os_support_end_timestamp_seconds",
                "Metric containing the end-of-life date timestamp of the OS.",
                datetime.strptime(end, "%Y-%m-%d").replace(tzinfo=timezone.utc).timestamp(),
            )

    def _lines(self) -> list[str]:
        etc, usr = self._paths
        try:
            return read_lines(etc)
        except FileNotFoundError:
            return read_lines(usr)


def _fields(lines: list[str]) -> dict[str, str]:
    """Return the variables that a file in shell syntax assigns."""
    fields = {}
    for line in lines:
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith("#"):
            fields[name] = "".join(shlex.split(value))
    return fields
