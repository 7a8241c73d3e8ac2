"""The section `otlp` of a `prometheus.yml`, as settings of the OTLP receiver."""

from typing import TYPE_CHECKING

from daemon.errors import ConfigurationError
from ingest.otlp.translation_settings import TranslationSettings, TranslationStrategy

if TYPE_CHECKING:
    from scraper.configuration.ignored_sections.otlp import OtlpSettings


def translation_of(section: "OtlpSettings | None", lookback_ms: int) -> TranslationSettings:
    """Return how metrics that arrive by OTLP become series.

    Args:
        section: of the file, None if it has none.
        lookback_ms: of queries.

    Raises:
        ConfigurationError: a setting asks for what Redshank cannot store.
    """
    if section is None:
        return TranslationSettings(lookback_ms=lookback_ms)
    if section.convert_histograms_to_nhcb:
        raise ConfigurationError(
            "otlp.convert_histograms_to_nhcb: histograms are stored as classic buckets;"
            " remove the setting"
        )
    strategy = section.translation_strategy or TranslationStrategy.ESCAPED_WITH_SUFFIXES
    return TranslationSettings(
        strategy=TranslationStrategy(strategy),
        promote_all=section.promote_all_resource_attributes,
        promoted=frozenset(section.promote_resource_attributes),
        ignored=frozenset(section.ignore_resource_attributes),
        keep_identifying=section.keep_identifying_resource_attributes,
        promote_scope=section.promote_scope_metadata,
        prefix_underscores=section.label_name_underscore_sanitization,
        keep_underscore_runs=section.label_name_preserve_multiple_underscores,
        lookback_ms=lookback_ms,
    )
