"""The section `otlp` of a `prometheus.yml` reaches the receiver."""

from pathlib import Path

import pytest

from daemon.configuration.configuration import Configuration, ConfigurationSource
from daemon.errors import ConfigurationError
from ingest.otlp.translation_settings import TranslationSettings, TranslationStrategy


def read(tmp_path: Path, section: str) -> Configuration:
    file = tmp_path / "prometheus.yml"
    file.write_text(section)
    (tmp_path / "redshank.yml").write_text("{}")
    return ConfigurationSource(tmp_path / "redshank.yml", scrape_config=file).read()


def test_settings_of_the_section_apply(tmp_path: Path) -> None:
    configuration = read(
        tmp_path,
        "otlp: {translation_strategy: NoTranslation, promote_all_resource_attributes: true,"
        " ignore_resource_attributes: [a], keep_identifying_resource_attributes: true,"
        " promote_scope_metadata: true, label_name_underscore_sanitization: false}",
    )
    assert configuration.otlp == TranslationSettings(
        strategy=TranslationStrategy.NONE,
        promote_all=True,
        ignored=frozenset({"a"}),
        keep_identifying=True,
        promote_scope=True,
        prefix_underscores=False,
    )
    assert not [warning for warning in configuration.warnings if "otlp" in warning]


def test_without_the_section_the_defaults_apply(tmp_path: Path) -> None:
    assert read(tmp_path, "{}").otlp == TranslationSettings()


def test_native_histograms_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="convert_histograms_to_nhcb"):
        read(tmp_path, "otlp: {convert_histograms_to_nhcb: true}")
