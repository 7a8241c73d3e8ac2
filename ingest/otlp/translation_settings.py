"""Settings of the translation of OTLP metrics into series.

Source: Prometheus documentation, "Configuration", otlp.
"""

from dataclasses import dataclass
from enum import StrEnum


class TranslationStrategy(StrEnum):
    """How names of metrics and attributes become names of series and labels."""

    ESCAPED_WITH_SUFFIXES = "UnderscoreEscapingWithSuffixes"
    ESCAPED_WITHOUT_SUFFIXES = "UnderscoreEscapingWithoutSuffixes"
    UTF8_WITH_SUFFIXES = "NoUTF8EscapingWithSuffixes"
    NONE = "NoTranslation"

    @property
    def escapes(self) -> bool:
        """Whether characters other than letters, digits and `_` are replaced."""
        return self in (self.ESCAPED_WITH_SUFFIXES, self.ESCAPED_WITHOUT_SUFFIXES)

    @property
    def adds_suffixes(self) -> bool:
        """Whether a name gets its unit and its type."""
        return self in (self.ESCAPED_WITH_SUFFIXES, self.UTF8_WITH_SUFFIXES)


@dataclass(frozen=True, slots=True)
class TranslationSettings:
    """How OTLP metrics become series.

    Attributes:
        promote_all: whether every resource attribute becomes a label of every series,
            except those in `ignored`.
        promoted: the resource attributes that become labels otherwise.
        keep_identifying: whether `target_info` has `service.name`, `service.namespace`
            and `service.instance.id` too.
        promote_scope: whether the scope's name, version and attributes become labels.
        prefix_underscores: whether a label name that begins with one `_` begins with `key_`.
        keep_underscore_runs: whether a label name keeps several `_` in a row.
        lookback_ms: `target_info` gets a sample at least every half of it.
    """

    strategy: TranslationStrategy = TranslationStrategy.ESCAPED_WITH_SUFFIXES
    promote_all: bool = False
    promoted: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()
    keep_identifying: bool = False
    promote_scope: bool = False
    prefix_underscores: bool = True
    keep_underscore_runs: bool = True
    lookback_ms: int = 300_000
