"""All fuzz targets by name."""

from tests.fuzz.targets import (
    documents,
    expositions,
    otlp,
    pushes,
    queries,
    remote_write,
    storage_bytes,
)
from tests.fuzz.targets.target import FuzzTarget

TARGETS: dict[str, FuzzTarget] = {
    target.name: target
    for module in (expositions, remote_write, otlp, queries, documents, storage_bytes, pushes)
    for target in module.TARGETS
}
