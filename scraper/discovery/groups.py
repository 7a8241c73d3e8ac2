"""Target groups: addresses with common labels, and the documents that list them.

Source: Prometheus documentation, "Configuration", file_sd_config and http_sd_config.
"""

from dataclasses import dataclass, field
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, RootModel, ValidationError

from model.documents import Document, DocumentError, document_error, parse_document
from model.labels import Labels
from model.quantities import TextMap


class DiscoveryError(Exception):
    """A lookup of targets failed; the known targets stay."""


@dataclass(frozen=True, slots=True)
class TargetGroup:
    """Addresses and their common labels, `__meta_…` labels among them."""

    addresses: tuple[str, ...]
    labels: Labels = field(default_factory=Labels)


class StaticGroup(BaseModel):
    """A group as documents write it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # `targets:` without a value is an empty list, as in Prometheus's own example.
    targets: Annotated[tuple[str, ...], BeforeValidator(lambda data: data or ())] = ()
    labels: Annotated[TextMap, BeforeValidator(lambda data: data or {})] = Field(
        default_factory=dict
    )

    def group(self, **meta: str) -> TargetGroup:
        """Return the group with additional labels about its origin."""
        return TargetGroup(self.targets, Labels.of(self.labels | meta))


class GroupList(RootModel[tuple[StaticGroup, ...]]):
    """The document of a list of groups."""


def parse_groups(text: str, name: str, *, is_json: bool) -> tuple[StaticGroup, ...]:
    """Return the groups of a document, JSON or YAML.

    Raises:
        DiscoveryError: it is malformed; the message lists every problem.
    """
    try:
        if is_json:
            return GroupList.model_validate_json(text).root
        document = parse_document(text, name, plain_text=True)
        # An empty file lists no groups.
        return GroupList.model_validate(document.data or []).root
    except ValidationError as exc:
        source = Document(name, None, {}) if is_json else document
        raise DiscoveryError(str(document_error(source, exc))) from exc
    except DocumentError as exc:
        raise DiscoveryError(str(exc)) from exc
