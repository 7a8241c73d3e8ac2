"""Objects that are excluded from garbage collections."""

import gc
from weakref import ref

from model.labels import Labels
from model.process.garbage import exclude_from_collections


class Held:
    """An object whose end can be seen."""


def test_label_sets_that_are_excluded_are_not_collected_but_freed() -> None:
    labels = Labels.of(job="node")
    assert gc.is_tracked(labels)
    exclude_from_collections(labels)
    exclude_from_collections(labels)
    assert not gc.is_tracked(labels)
    gc.collect()
    assert labels == Labels.of(job="node")

    several = (labels, labels)
    exclude_from_collections(several)
    assert not gc.is_tracked(several)

    held = Held()
    excluded = Labels([("job", held)])  # type: ignore[list-item]
    exclude_from_collections(excluded)
    end = ref(held)
    del held
    assert end() is not None
    del excluded
    assert end() is None
