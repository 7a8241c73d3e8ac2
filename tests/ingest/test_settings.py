import pytest
from pydantic import ValidationError

from ingest.limits.write_limits import BudgetLimits, WriteLimits
from ingest.settings import IngestSettings
from model.label_limits import LabelLimits


def test_defaults_are_those_of_a_write() -> None:
    assert IngestSettings().limits() == WriteLimits()


def test_every_key_sets_its_limit() -> None:
    keys = ("series", "streams", "label_bytes", "samples_per_second", "new_series_per_minute")
    series_keys = ("labels", "label_name_length", "label_value_length", "label_bytes")
    settings = IngestSettings.model_validate(
        {
            "series": {key: number for number, key in enumerate(series_keys, 1)},
            "source_series": 5,
            "sender": {key: number for number, key in enumerate(keys, 6)},
            "token": {key: number for number, key in enumerate(keys, 11)} | {"label_bytes": "1KiB"},
        }
    )
    assert settings.limits() == WriteLimits(
        labels=LabelLimits(1, 2, 3, 4),
        source_series=5,
        sender=BudgetLimits(6, 7, 8, 9, 10),
        token=BudgetLimits(11, 12, 1024, 14, 15),
    )


@pytest.mark.parametrize("value", [{"sender": {"series": -1}}, {"token": {"seris": 1}}])
def test_negative_limits_and_unknown_keys_are_errors(value: object) -> None:
    with pytest.raises(ValidationError):
        IngestSettings.model_validate(value)
