"""The version of Redshank that runs."""

import os
import pkgutil
import re
import sys
from contextlib import suppress

# Written by the bundle, whose archive cannot be listed as cheaply as a directory.
BUNDLED = "version.txt"
_METADATA = re.compile(r"redshank-([0-9][^-]*)\.dist-info")


def version() -> str:
    """Return the version of the installed distribution, or "unknown" if none is installed.

    Not importlib.metadata, which takes 1.2 MB of memory.
    """
    with suppress(OSError):
        if bundled := pkgutil.get_data("exporter", BUNDLED):
            return bundled.decode()
    for directory in sys.path:
        try:
            names = os.listdir(directory or ".")  # noqa: PTH208 - names, not paths.
        except OSError:
            continue
        for name in names:
            if match := _METADATA.fullmatch(name):
                return match[1]
    return "unknown"
