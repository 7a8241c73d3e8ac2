import numpy as np

from benchmarks.harness.corpus import Recording, Scrape
from benchmarks.harness.matrix import value_matrix
from model.labels import Labels
from model.series import is_absent


def test_recording_becomes_a_row_a_scrape(recording: Recording) -> None:
    series, values = value_matrix(recording.scrapes)
    assert values.shape == (5, 4)
    assert series[2] == Labels.of(__name__="node_load1")
    assert values[:, 2].tolist() == [0.25] * 5
    assert values[:, 0].tolist() == [0.5, 1.5, 2.5, 3.5, 4.5]


def test_series_that_a_scrape_lacks_is_absent_in_its_row() -> None:
    series, values = value_matrix([Scrape(0, b"a 1\n"), Scrape(1, b"b NaN\na 2\n")])
    assert series == [Labels.of(__name__="a"), Labels.of(__name__="b")]
    assert is_absent(values).tolist() == [[False, True], [False, False]]
    assert np.isnan(values[1, 1])
