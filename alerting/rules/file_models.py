"""The sections of a rule file, as pydantic models.

Scalars are text (`parse_document(plain_text=True)`). As in Prometheus, an empty value
means the default.
"""

from typing import Any

from pydantic import ConfigDict, Field

from model.base_models import NullDefaultsModel
from model.quantities import DurationMs, TextMap, YamlInt

_NO_DATA_FOR_MS = 300_000


def _without_milliseconds(schema: dict[str, Any]) -> None:
    """Remove the defaults of durations: numbers here, texts in the schema."""
    for field in schema.get("properties", {}).values():
        if field.get("type") == "string" and not isinstance(field.get("default", ""), str):
            del field["default"]


class RuleFileModel(NullDefaultsModel):
    """A mapping in which an empty value means the default."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra=_without_milliseconds)


class RuleModel(RuleFileModel):
    """One rule; `alert` or `record` is empty."""

    record: str = ""
    alert: str = ""
    expr: str = ""
    for_ms: DurationMs = Field(default=0, alias="for")
    keep_firing_for: DurationMs = 0
    labels: TextMap = Field(default_factory=dict)
    annotations: TextMap = Field(default_factory=dict)
    recovery_expr: str | None = None
    data_expr: str | None = None
    no_data_for: DurationMs = _NO_DATA_FOR_MS

    def alerting_keys(self) -> list[str]:
        """Return the keys with a value that only an alerting rule may have."""
        values = {
            "for": self.for_ms,
            "keep_firing_for": self.keep_firing_for,
            "annotations": self.annotations,
            "recovery_expr": self.recovery_expr is not None,
            "data_expr": self.data_expr is not None,
            "no_data_for": "no_data_for" in self.model_fields_set,
        }
        return [key for key, value in values.items() if value]


class GroupModel(RuleFileModel):
    """One group; an interval of 0 is the default, a limit of 0 or less is none.

    Without `query_offset` the offset of the server holds; 0 is an offset of its own.

    `rules` holds raw entries, because each rule is validated on its own; an empty entry is
    no rule.
    """

    name: str = Field(min_length=1)
    interval: DurationMs = 0
    limit: YamlInt = 0
    query_offset: DurationMs | None = None
    labels: TextMap = Field(default_factory=dict)
    rules: list[Any] = Field(default_factory=list)
