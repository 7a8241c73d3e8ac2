"""`./run bench exporter --parity`, on the trees of node_exporter's own test."""

import pytest

from benchmarks.exporter.parity import TREES, Parity, on_trees
from tests.ports import free_port
from tests.programs import node_exporter, skip_before_version

pytestmark = [
    pytest.mark.peer,
    pytest.mark.slow,
    pytest.mark.skipif(not TREES.exists(), reason="the recorded trees are not here"),
]


@pytest.fixture(scope="module")
def parity() -> Parity:
    node_exporter()
    skip_before_version("prometheus-node-exporter", (1, 11, 0))
    return on_trees(TREES, (free_port(), free_port()))


def test_every_difference_from_node_exporter_has_a_reason(parity: Parity) -> None:
    assert (parity.missing, parity.types, parity.helps, parity.values) == ([], [], [], [])
    assert parity.holds


def test_collectors_that_are_off_by_default_are_compared_too(parity: Parity) -> None:
    # 2,127 with the default collectors alone.
    assert parity.series > 2700
