import pytest
from pydantic import TypeAdapter, ValidationError

from model.documents import NumberText
from model.quantities import Base2Bytes, PositiveSeconds, YamlInt

INTEGER = TypeAdapter[int](YamlInt)
SIZE = TypeAdapter[int](Base2Bytes)
SECONDS = TypeAdapter[float](PositiveSeconds)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5", 5),
        ("-5", -5),
        ("0x1F", 31),
        ("010", 8),
        ("0o10", 8),
        ("0b11", 3),
        ("1_000", 1000),
        ("1.7", 1),
        ("0", 0),
        (7, 7),
    ],
)
def test_integers_are_read_as_prometheus_reads_yaml(text: object, number: int) -> None:
    assert INTEGER.validate_python(text) == number


@pytest.mark.parametrize("text", ["", "five", "1:30", "0x", "1.7e400", "true"])
def test_other_text_is_no_integer(text: str) -> None:
    with pytest.raises(ValidationError):
        INTEGER.validate_python(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("100B", 100), ("10MB", 10 * 2**20), ("1.5KiB", 1536), ("1GB512MB", 1536 * 2**20)],
)
def test_sizes_need_a_unit(text: str, size: int) -> None:
    assert SIZE.validate_python(text) == size


@pytest.mark.parametrize("text", ["100", "10M", "10mb", "MB", "", "-1B", "1B x"])
def test_sizes_without_a_unit_of_prometheus_are_refused(text: str) -> None:
    with pytest.raises(ValidationError, match="not a size"):
        SIZE.validate_python(text)


def test_duration_of_our_own_files_may_be_a_number_of_seconds() -> None:
    assert SECONDS.validate_python(NumberText("1.5")) == 1.5
    with pytest.raises(ValidationError, match="is not a duration"):
        SECONDS.validate_python("1.5")
