"""Examines the interpreter and the installed packages."""

import importlib.metadata
import re
import sys
from collections.abc import Iterable

from daemon.doctor.findings import Finding, Verdict


def examine_packages() -> Iterable[Finding]:
    """Report the interpreter and the required packages that are missing."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield Finding(Verdict.GOOD, "python", f"{version} ({sys.executable})")
    missing = []
    for requirement in importlib.metadata.requires("redshank") or ():
        name, _, condition = requirement.partition(";")
        if 'extra == "dev"' in condition or "extra == 'dev'" in condition:
            continue
        package = re.split(r"[^A-Za-z0-9._-]", name.strip(), maxsplit=1)[0]
        try:
            importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            missing.append(package)
    if missing:
        yield Finding(
            Verdict.BAD,
            "packages",
            f"missing: {', '.join(missing)}",
            "install them: pip install 'redshank[server]', or remove .venv and call ./run",
        )
    else:
        yield Finding(Verdict.GOOD, "packages", "all installed")
