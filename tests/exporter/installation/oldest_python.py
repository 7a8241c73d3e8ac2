"""The oldest Python that the exporter as one file runs on, where a test finds one."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

OLDEST: Final = (3, 9)


@cache
def oldest_python() -> str | None:
    """Return the path of an interpreter, None if this machine has none.

    REDSHANK_OLDEST_PYTHON names one; else it is `python3.9` or one that pyenv has installed.
    """
    script = f"import sys; sys.exit(sys.version_info[:2] != {OLDEST})"
    for candidate in _candidates():
        if subprocess.run([candidate, "-c", script], stderr=subprocess.DEVNULL).returncode == 0:
            return candidate
    return None


def _candidates() -> Iterator[str]:
    if given := os.environ.get("REDSHANK_OLDEST_PYTHON"):
        yield given
    name = ".".join(str(number) for number in OLDEST)
    if found := shutil.which(f"python{name}"):
        yield found
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from (str(path) for path in sorted(pyenv.glob(f"versions/{name}.*/bin/python3")))
