"""The systemd units of the one-file exporter: those of `systemd/`, with the path of the file."""

import pkgutil
import re
from dataclasses import dataclass

# The first line of each unit that the installer writes: it replaces and removes no others.
MARK = "# Written by redshank-exporter.pyz, which replaces it when it is installed again.\n"
PROGRAM = "/opt/redshank-exporter/redshank-exporter.pyz"
PUSH_SETTINGS = "/etc/redshank-exporter/push.env"
_COMMAND = re.compile(r"^ExecStart=/opt/redshank/bin/redshank exporter", re.MULTILINE)


@dataclass(frozen=True)
class UnitSet:
    """The units of one way to run the exporter.

    Attributes:
        service: the unit to enable; it requires the others.
        files: the names of all unit files.
        options_file: the environment file with OPTIONS.
    """

    service: str
    files: tuple[str, ...]
    options_file: str


SCRAPED = UnitSet(
    "redshank-exporter.service",
    ("redshank-exporter.service", "redshank-exporter.socket"),
    "/etc/default/redshank-exporter",
)
PUSHING = UnitSet(
    "redshank-exporter-push.service",
    ("redshank-exporter-push.service",),
    "/etc/default/redshank-exporter-push",
)
ALL = (SCRAPED, PUSHING)


def unit_text(name: str, python: str) -> str:
    """Return a unit that runs the installed file with the interpreter `python`."""
    content = pkgutil.get_data("exporter.installation", name)
    if content is None:
        raise FileNotFoundError(name)
    return MARK + _COMMAND.sub(f"ExecStart={python} {PROGRAM} exporter", content.decode())
