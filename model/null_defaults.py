"""pydantic models in which null means the default, as in Go's YAML and JSON."""

from typing import Any

from pydantic import BaseModel, model_validator


class NullDefaultsModel(BaseModel):
    """A mapping in which a key without a value is as good as missing."""

    @model_validator(mode="before")
    @classmethod
    def _drop_null(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return {key: value for key, value in data.items() if value is not None}
        return data
