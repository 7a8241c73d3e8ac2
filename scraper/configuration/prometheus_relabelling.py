"""The section relabel_config of a `prometheus.yml`.

Source: Prometheus documentation, "Configuration", relabel_config.
"""

from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, model_validator

from scraper.configuration.sections import Count, Section
from scraper.relabel import (
    DEFAULT_REGEX,
    DEFAULT_REPLACEMENT,
    DEFAULT_SEPARATOR,
    RelabelAction,
    RelabelRule,
)


def _lowered(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


class RelabelSettings(Section):
    """One relabelling rule."""

    source_labels: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    separator: str = DEFAULT_SEPARATOR
    target_label: str = ""
    regex: str = DEFAULT_REGEX
    modulus: Count = 0
    replacement: str = DEFAULT_REPLACEMENT
    action: Annotated[RelabelAction, BeforeValidator(_lowered)] = RelabelAction.REPLACE

    @model_validator(mode="before")
    @classmethod
    def _empty_as_text(cls, data: Any) -> Any:
        """As in Prometheus, `replacement:` without a value is empty text, not the default."""
        if not isinstance(data, dict):
            return data
        texts = ("separator", "target_label", "regex", "replacement", "action")
        return data | {key: "" for key in texts if key in data and data[key] is None}

    @model_validator(mode="after")
    def _check(self) -> Self:
        action = self.action
        changes_case = action in (RelabelAction.LOWERCASE, RelabelAction.UPPERCASE)
        by_name = action in (RelabelAction.LABEL_DROP, RelabelAction.LABEL_KEEP)
        compares = action in (RelabelAction.KEEP_EQUAL, RelabelAction.DROP_EQUAL)
        if changes_case and self.replacement != DEFAULT_REPLACEMENT:
            raise ValueError(f"{action} takes no replacement")
        if by_name and self._changed() - {"regex"}:
            raise ValueError(f"{action} takes only regex")
        if compares and self._changed() - {"source_labels", "target_label"}:
            raise ValueError(f"{action} takes only source_labels and target_label")
        writes = action not in (
            RelabelAction.KEEP,
            RelabelAction.DROP,
            RelabelAction.LABEL_MAP,
            RelabelAction.LABEL_DROP,
            RelabelAction.LABEL_KEEP,
        )
        if writes and not self.target_label:
            raise ValueError(f"{action} requires target_label")
        if action is RelabelAction.HASH_MOD and not self.modulus:
            raise ValueError("hashmod requires a modulus above 0")
        if action is RelabelAction.LABEL_MAP and not self.replacement:
            raise ValueError("labelmap requires a replacement")
        # Compile the pattern now, so that its error names the place in the file.
        self.rule()
        return self

    def _changed(self) -> set[str]:
        """Return the keys that differ from their default; a given regex always does."""
        defaults = {key: field.default for key, field in RelabelSettings.model_fields.items()}
        return {
            key
            for key in self.model_fields_set - {"action"}
            if key in ("regex", "source_labels") or getattr(self, key) != defaults[key]
        }

    def rule(self) -> RelabelRule:
        """Return the rule with its pattern compiled."""
        return RelabelRule(
            self.action,
            self.source_labels,
            self.separator,
            self.regex,
            self.modulus,
            self.target_label,
            self.replacement,
        )
