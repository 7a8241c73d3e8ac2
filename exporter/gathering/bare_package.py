"""Imports single modules of a package without the code of the package itself."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec, module_from_spec


@contextmanager
def bare_package(name: str) -> Iterator[None]:
    """Import modules of the package `name` without running its `__init__`.

    Afterwards the package is unknown again: `import name` runs its `__init__`, which finds
    the modules that are loaded already. Without effect if the whole package is loaded.

    Raises:
        ModuleNotFoundError: the package is not installed.
    """
    if name in sys.modules:
        yield
        return
    spec = find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    sys.modules[name] = module_from_spec(spec)
    try:
        yield
    finally:
        del sys.modules[name]
