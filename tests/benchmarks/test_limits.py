from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from benchmarks.harness.corpus import sample_lines
from benchmarks.limits import heavy_path, write_series


def test_as_many_series_are_written_as_were_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "big.om"
    write_series(path, series=1203, end_s=1_700_000_010)
    text = path.read_bytes()
    keys = {line.rsplit(b" ", 2)[0] for line in sample_lines(text)}
    assert sum(key.startswith(b"big{") for key in keys) == 1203
    assert sum(key.startswith(b"up{") for key in keys) == 3
    assert text.endswith(b"# EOF\n")


def test_ranges_are_asked_for_as_ranges() -> None:
    asked = urlsplit(heavy_path("all_range", 7200))
    assert asked.path == "/api/v1/query_range"
    assert parse_qs(asked.query)["start"] == ["3600.000"]
    asked = urlsplit(heavy_path("all", 7200))
    assert asked.path == "/api/v1/query"
    assert parse_qs(asked.query) == {"query": ["big"], "time": ["7200.000"], "timeout": ["120s"]}
