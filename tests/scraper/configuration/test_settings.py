import pytest
from pydantic import ValidationError

from scraper.configuration.settings import JobSettings, ScrapeSettings


def read(**settings: object) -> ScrapeSettings:
    return ScrapeSettings.model_validate(settings)


def test_defaults_scrape_every_fifteen_seconds() -> None:
    settings = read()
    assert (settings.interval, settings.timeout, settings.jobs) == (15.0, 10.0, ())


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"interval": "5 s"}, "not a duration"),
        ({"interval": "0s"}, "greater than or equal"),
        ({"interval": "5s"}, "timeout must not be longer than interval"),
        ({"jobs": [{"name": "a"}, {"name": "a"}]}, 'job "a" is defined twice'),
        ({"jobs": [{"name": "a", "timeout": "20s"}]}, 'job "a": timeout must not be longer'),
        (
            {"jobs": [{"name": "a", "targets": ["a b:c"]}]},
            "Port could not be cast|is not an address",
        ),
        ({"jobs": [{"name": "a", "targets": ["ftp://a"]}]}, "is not an address"),
        ({"jobs": [{"name": "a", "labels": {"__name__": "x"}}]}, "cannot be the name of a label"),
        ({"jobs": [{"name": ""}]}, "at least 1 character"),
        ({"limits": {"body_size": "many"}}, "is not a size"),
        ({"limits": {"samples": -1}}, "greater than or equal to 0"),
        ({"unknown": 1}, "Extra inputs are not permitted"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, object], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        read(**settings)


def test_sizes_and_durations_have_units() -> None:
    job = JobSettings.model_validate(
        {"name": "a", "interval": "1h30m", "limits": {"body_size": "2KiB"}}
    )
    assert job.interval == 5400
    assert job.limits is not None
    assert job.limits.body_size == 2048
