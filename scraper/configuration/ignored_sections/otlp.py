"""The section `otlp`.

Source: Prometheus documentation, "Configuration", otlp.
"""

from typing import Literal, Self

from pydantic import model_validator

from model.quantities import YamlBool
from scraper.configuration.sections import Section


class OtlpSettings(Section):
    """How pushed OpenTelemetry data become series."""

    promote_all_resource_attributes: YamlBool = False
    promote_resource_attributes: tuple[str, ...] = ()
    ignore_resource_attributes: tuple[str, ...] = ()
    translation_strategy: Literal[
        "",
        "UnderscoreEscapingWithSuffixes",
        "UnderscoreEscapingWithoutSuffixes",
        "NoUTF8EscapingWithSuffixes",
        "NoTranslation",
    ] = ""
    keep_identifying_resource_attributes: YamlBool = False
    convert_histograms_to_nhcb: YamlBool = False
    promote_scope_metadata: YamlBool = False
    label_name_underscore_sanitization: YamlBool = True
    label_name_preserve_multiple_underscores: YamlBool = True

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.promote_all_resource_attributes and self.promote_resource_attributes:
            raise ValueError(
                "at most one of promote_all_resource_attributes and promote_resource_attributes"
            )
        if self.ignore_resource_attributes and not self.promote_all_resource_attributes:
            raise ValueError("ignore_resource_attributes needs promote_all_resource_attributes")
        _check_attributes(self.promote_resource_attributes or self.ignore_resource_attributes)
        return self

    @property
    def needs_utf8_names(self) -> bool:
        """Whether the names of series are not escaped."""
        return self.translation_strategy in ("NoUTF8EscapingWithSuffixes", "NoTranslation")


def _check_attributes(attributes: tuple[str, ...]) -> None:
    names = [attribute.strip() for attribute in attributes]
    if "" in names:
        raise ValueError("an attribute is empty")
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        raise ValueError(f'the attribute "{doubled}" is listed twice')
