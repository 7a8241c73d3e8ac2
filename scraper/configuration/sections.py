"""The base class of configuration sections, and the type of unsupported keys."""

from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field

from model.base_models import NullDefaultsModel
from model.quantities import TextMap, YamlInt


def _check_names(labels: dict[str, str]) -> dict[str, str]:
    if "" in labels:
        raise ValueError("a label needs a name")
    return labels


Count = Annotated[YamlInt, Field(ge=0)]
LabelMap = Annotated[TextMap, AfterValidator(_check_names)]
"""Labels by name; since Prometheus 3 any name but the empty one is valid."""


def _refuse(_: object) -> object:
    raise ValueError("not supported by Redshank")


Unsupported = Annotated[Any, AfterValidator(_refuse)]
"""A key of Prometheus that Redshank lacks: refused, because ignoring it would be wrong."""


class Section(NullDefaultsModel):
    """A part of a document in which an empty value means the default."""

    model_config = ConfigDict(frozen=True, extra="forbid")
