import gc

from exporter.gathering.garbage import rare_garbage_collection


def test_collector_runs_rarely_and_only_while_the_exporter_runs() -> None:
    before = gc.get_threshold()
    frozen = gc.get_freeze_count()
    with rare_garbage_collection():
        assert gc.get_threshold()[0] >= 10_000
        assert gc.get_freeze_count() > frozen
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
