import pytest

from ingest.errors import BadLabelsError
from ingest.limits.write_limits import LABEL_LIMITS
from ingest.remote_write.label_reader import LabelReader
from ingest.remote_write.write_request_1 import decode_1
from ingest.remote_write.write_request_2 import decode_2
from ingest.series.sample_batch import SeriesKey
from tests.ingest.remote_write.messages import Sample, Series, block, request_1, request_2

READER = LabelReader(LABEL_LIMITS)
NOW_MS = 1_790_000_000_000


def nothing(_: SeriesKey) -> int | None:
    return None


def request_2_sample() -> bytes:
    return block(2, b"\x10\x01")


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ((("a", "2"), ("__name__", "m"), ("a", "1")), "twice"),
        ((("a", "1"),), "no label '__name__'"),
        ((("__name__", "m"), ("a", "")), "'a' is empty"),
        ((("", "x"), ("__name__", "m")), "a label name is empty"),
        ((("__name__", "m"), ("a", "\0")), "NUL"),
        ((), "no label '__name__'"),
        (
            (("__name__", "m"), *((f"a{number}", "x" * 4000) for number in range(5))),
            r"20\d+ bytes of labels, more than 16384 \(ingest.series.label_bytes\)",
        ),
        (
            (("__name__", "m"), ("a", "é" * 2049)),
            r"a value of label 'a' of 4098 bytes, more than 4096 \(ingest.series.label_value",
        ),
        (
            (("__name__", "m"), ("a" * 1025, "x")),
            r"a label name of 1025 bytes, more than 1024 \(ingest.series.label_name_length\)",
        ),
        ((("__name__", "m"), *((f"a{number:03}", "x") for number in range(200))), "201 labels"),
    ],
)
def test_labels_are_checked(labels: tuple[tuple[str, str], ...], reason: str) -> None:
    one = Series(labels, (Sample(NOW_MS, 1.0),))
    for encode, decode in ((request_1, decode_1), (request_2, decode_2)):
        (key,) = decode(encode([one]), nothing).unknown
        with pytest.raises(BadLabelsError, match=reason):
            READER.labels_of(key)


def test_labels_that_are_not_utf_8_are_refused() -> None:
    label = block(1, block(1, b"__name__") + block(2, b"\xff"))
    (key,) = decode_1(block(1, label + request_2_sample()), nothing).unknown
    with pytest.raises(BadLabelsError, match="UTF-8"):
        READER.labels_of(key)
    data = b"".join(block(4, text) for text in (b"", b"__name__", b"\xff"))
    (key,) = decode_2(data + block(5, block(1, b"\1\2") + request_2_sample()), nothing).unknown
    with pytest.raises(BadLabelsError, match="UTF-8"):
        READER.labels_of(key)
