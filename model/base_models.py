"""Base classes of pydantic models: one for forms, one for documents of Go programs."""

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class DeferredModel(BaseModel):
    """A model whose validator is built when it first validates or describes itself.

    A validator takes some 15 kB and half a millisecond. There are hundreds of forms and
    documents, of which a server uses a few: if all were built at the start, they would take
    4 MB. Models that every start reads, such as settings, gain nothing by it.
    """

    model_config = ConfigDict(defer_build=True)


class NullDefaultsModel(DeferredModel):
    """A mapping in which a key without a value is as good as missing, as in Go's YAML and JSON."""

    @model_validator(mode="before")
    @classmethod
    def _drop_null(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return {key: value for key, value in data.items() if value is not None}
        return data
