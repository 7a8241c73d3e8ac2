from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.harness.corpus import (
    Recording,
    Scrape,
    count_samples,
    find_recording,
    read_recording,
    write_recording,
)

SCRAPES = st.lists(
    st.builds(Scrape, st.integers(0, 2**45), st.binary(max_size=200)), min_size=1, max_size=5
)


@settings(max_examples=30)  # the codec's window is 16 MB each time
@given(SCRAPES)
def test_what_was_written_is_read(scrapes: list[Scrape]) -> None:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "any.scrapes.zst"
        write_recording(path, scrapes)
        assert read_recording(path).scrapes == tuple(scrapes)


def test_recording_without_a_scrape_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.zst"
    write_recording(path, [])
    with pytest.raises(ValueError, match="no scrape"):
        read_recording(path)


def test_interrupted_recording_leaves_no_file(tmp_path: Path) -> None:
    def scrapes() -> Iterator[Scrape]:
        yield Scrape(0, b"up 1\n")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_recording(tmp_path / "any.zst", scrapes())
    assert list(tmp_path.iterdir()) == []


def test_interval_is_the_one_that_was_meant(recording: Recording) -> None:
    assert recording.interval_ms == 5_000


def test_comments_and_empty_lines_are_no_samples() -> None:
    assert count_samples(b"# TYPE a gauge\na 1\n\nb 2 \n") == 2


def test_recording_is_found_by_path(recording: Recording) -> None:
    assert find_recording(str(recording.path)) == recording
