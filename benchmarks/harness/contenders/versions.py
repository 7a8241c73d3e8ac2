"""The versions of the programs that benchmarks compare."""

import gzip
import re
import shutil
import subprocess
from pathlib import Path

_VERSION = re.compile(r"\d+\.\d+\.\d+")


def program_version(program: str) -> str:
    """Return the version of the program that comes first in PATH, `unknown` if it has none."""
    path = shutil.which(program)
    if path is None:
        return "unknown"
    done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    found = _VERSION.search(done.stdout + done.stderr) or _packaged_version(Path(path))
    return found[0] if found else "unknown"


def _packaged_version(path: Path) -> re.Match[str] | None:
    """Find the version in the changelog that Debian packages along with a program.

    Debian's build of VictoriaMetrics does not print its version.
    """
    documents = path.resolve().parents[1] / "share/doc" / path.name
    try:
        with gzip.open(documents / "changelog.Debian.gz", "rt") as changelog:
            return _VERSION.search(changelog.readline())
    except OSError:
        return None
